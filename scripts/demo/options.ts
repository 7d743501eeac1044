import { parseArgs } from 'node:util'

export interface DemoOptions {
  /** Size of the generated database, MB on disk. */
  sizeMb: number
  /** Where the summary goes as JSON: a file, or `-` for standard output; absent for a table on standard output. */
  json?: string
  /** Leave everything running at the end until Ctrl-C. */
  keep: boolean
}

export const DEMO_USAGE = `pnpm demo [--size MB] [--json[=FILE]] [--keep]

  --size MB      size of the generated database (default 200, at least 10)
  --json[=FILE]  write the summary as JSON to the file, or to standard output instead of the table
  --keep         leave everything running until Ctrl-C and print the addresses`

/** @throws Error with what is wrong, for people */
export function parseDemoOptions(argv: readonly string[]): DemoOptions {
  // `--json` alone means standard output, which parseArgs cannot say.
  const args = argv.map((arg) => (arg === '--json' ? '--json=-' : arg))
  const { values } = parseArgs({
    args,
    options: {
      size: { type: 'string', default: '200' },
      json: { type: 'string' },
      keep: { type: 'boolean', default: false },
    },
  })
  const sizeMb = Number(values.size)
  if (!Number.isInteger(sizeMb) || sizeMb < 10)
    throw new Error(`--size is a whole number of MB, at least 10, not ${values.size}`)
  return { sizeMb, keep: values.keep, ...(values.json === undefined ? {} : { json: values.json }) }
}
