import { readdir, readFile, writeFile } from 'node:fs/promises'
import { availableParallelism, totalmem } from 'node:os'
import { join } from 'node:path'
import { installAdvice } from '../scripts/setup/advice.ts'
import { takeInventory } from '../scripts/setup/programs.ts'
import { type BenchReport, markdownReport, replaceSection } from './report.ts'
import { benchOnMajor, isOnMajor, MAJORS } from './support/on-major.ts'
import { readOptions } from './support/options.ts'

const DOCUMENT = join(import.meta.dirname, '../docs/benchmarks.md')
const NOT_BENCHES = ['main.ts', 'report.ts']

/** What a benchmark's file exports, e.g. `dump.ts`: the work, with everything it compares measured in the same run. */
export interface BenchModule {
  bench(args: readonly string[]): Promise<BenchReport>
}

/**
 * `pnpm bench [--on MAJOR] NAME [--write] [arguments]` runs `NAME.ts`, prints its tables and ratios, and with --write keeps them in
 * docs/benchmarks.md; with --on in a Debian root that has that PostgreSQL major and the peers of the same Debian.
 */
async function main(argv: readonly string[]): Promise<number> {
  const names = await benches()
  const { name, on, write, args } = readOptions(argv)
  if (!names.includes(name) || (on !== undefined && !MAJORS.includes(on))) {
    console.error(
      `usage: pnpm bench [--on ${MAJORS.join('|')}] ${names.join('|')} [--write] [arguments of the benchmark]`,
    )
    return 2
  }
  if (on !== undefined && !isOnMajor(on)) return benchOnMajor(on, argv)
  const inventory = await takeInventory(process.env.PATH ?? '')
  // Extended attributes and curl are for tests.
  const missing = inventory.missing.filter((need) => need !== 'attr' && need !== 'curl')
  if (missing.length > 0) {
    console.error(installAdvice(missing, 'A benchmark installs nothing; `pnpm setup` does.'))
    return 2
  }
  const { bench } = (await import(`./${name}.ts`)) as BenchModule
  const machine = `${availableParallelism()} cores, ${Math.round(totalmem() / 1024 ** 3)} GiB, Node ${process.versions.node}`
  const command = ['pnpm bench', ...(on === undefined ? [] : ['--on', on]), name, ...args].join(' ')
  const text = markdownReport(command, machine, await bench(args))
  console.log(text)
  if (write) await keep(on === undefined ? name : `${name} on PostgreSQL ${on}`, text)
  return 0
}

async function benches(): Promise<string[]> {
  const files = await readdir(import.meta.dirname)
  return files
    .filter((file) => /^[a-z-]+\.ts$/.test(file) && !NOT_BENCHES.includes(file))
    .map((file) => file.slice(0, -'.ts'.length))
}

async function keep(section: string, text: string): Promise<void> {
  const before = await readFile(DOCUMENT, 'utf8').catch(() => '')
  await writeFile(DOCUMENT, replaceSection(before, section, text))
}

process.exitCode = await main(process.argv.slice(2))
