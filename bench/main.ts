import { readdir, readFile, writeFile } from 'node:fs/promises'
import { availableParallelism, totalmem } from 'node:os'
import { join } from 'node:path'
import { type BenchReport, markdownReport, replaceSection } from './report.ts'

const DOCUMENT = join(import.meta.dirname, '../docs/benchmarks.md')
const NOT_BENCHES = ['main.ts', 'report.ts']

/** What a benchmark's file exports, e.g. `dump.ts`: the work, with everything it compares measured in the same run. */
export interface BenchModule {
  bench(args: readonly string[]): Promise<BenchReport>
}

/** `pnpm bench NAME [--write] [arguments]` runs `NAME.ts`, prints its tables and ratios, and with --write keeps them in docs/benchmarks.md. */
async function main([name = '', ...rest]: readonly string[]): Promise<number> {
  const names = await benches()
  if (!names.includes(name)) {
    console.error(`usage: pnpm bench ${names.join('|')} [--write] [arguments of the benchmark]`)
    return 2
  }
  const args = rest.filter((arg) => arg !== '--write')
  const { bench } = (await import(`./${name}.ts`)) as BenchModule
  const machine = `${availableParallelism()} cores, ${Math.round(totalmem() / 1024 ** 3)} GiB, Node ${process.versions.node}`
  const text = markdownReport(['pnpm bench', name, ...args].join(' '), machine, await bench(args))
  console.log(text)
  if (args.length < rest.length) await keep(name, text)
  return 0
}

async function benches(): Promise<string[]> {
  const files = await readdir(import.meta.dirname)
  return files
    .filter((file) => /^[a-z-]+\.ts$/.test(file) && !NOT_BENCHES.includes(file))
    .map((file) => file.slice(0, -'.ts'.length))
}

async function keep(name: string, text: string): Promise<void> {
  const before = await readFile(DOCUMENT, 'utf8').catch(() => '')
  await writeFile(DOCUMENT, replaceSection(before, name, text))
}

process.exitCode = await main(process.argv.slice(2))
