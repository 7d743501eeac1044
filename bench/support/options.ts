/** What stands on the command line of `pnpm bench`. */
export interface BenchOptions {
  /** Empty when there is none. */
  name: string
  /** PostgreSQL major to run on; undefined for the newest of this machine. */
  on: string | undefined
  /** Keep the result in the document. */
  write: boolean
  /** For the benchmark itself, in their order. */
  args: string[]
}

/** Options may stand anywhere. A `--on` without a major is kept as the empty one, which nobody has. */
export function readOptions(argv: readonly string[]): BenchOptions {
  const at = argv.indexOf('--on')
  const on = at < 0 ? undefined : (argv[at + 1] ?? '')
  const rest = argv.filter((arg, index) => arg !== '--write' && (at < 0 || (index !== at && index !== at + 1)))
  const [name = '', ...args] = rest
  return { name, on, write: argv.includes('--write'), args }
}
