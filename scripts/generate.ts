import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { GENERATORS } from './generate/generators.ts'

/**
 * `pnpm generate` writes the generated documents; with `--check` it writes nothing, names those that are not up to date, and exits 1 if any.
 */
const root = fileURLToPath(new URL('..', import.meta.url))
const files = GENERATORS.flatMap((generate) => Object.entries(generate()))
const drifted = (await Promise.all(files.map(stale))).filter((path) => path !== undefined)

if (!process.argv.includes('--check')) await Promise.all(files.filter(([path]) => drifted.includes(path)).map(write))
else if (drifted.length > 0) {
  process.stderr.write(`Not up to date, run \`pnpm generate\`:\n${drifted.map((path) => `  ${path}\n`).join('')}`)
  process.exitCode = 1
}

async function stale([path, text]: [string, string]): Promise<string | undefined> {
  const there = await readFile(join(root, path), 'utf8').catch(() => undefined)
  return there === text ? undefined : path
}

async function write([path, text]: [string, string]): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true })
  await writeFile(join(root, path), text)
  process.stdout.write(`wrote ${path}\n`)
}
