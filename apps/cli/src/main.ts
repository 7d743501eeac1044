import { once } from 'node:events'
import { enableCompileCache } from 'node:module'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { createInterface, type Interface } from 'node:readline'
import { Writable } from 'node:stream'

// In the user's own folder: whoever may write to a shared cache could choose what runs here.
enableCompileCache(join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'lifeboat'))
// The one command whose bulk bytes pass through this process. Before anything big is loaded: a nursery that has grown does not shrink again.
if (process.argv.includes('recover')) (await import('@lifeboat/shared/service/lean-memory.ts')).keepMemoryFlat()
// Compiling parsers pays after thousands of uses; a command parses a few things once.
const { z } = await import('zod')
z.config({ jitless: true })
const { runCli } = await import('./run-cli.ts')
const { wantsColour } = await import('./terminal.ts')

let reader: Interface | undefined
let lines: AsyncIterator<string> | undefined
const interrupt = new AbortController()
const interrupted = once(interrupt.signal, 'abort').then(() => undefined)
process.on('SIGINT', () => {
  if (interrupt.signal.aborted) process.exit(130)
  interrupt.abort()
})
// A reader that has seen enough (`| head`) is no fault.
process.stdout.on('error', (err: NodeJS.ErrnoException) => process.exit(err.code === 'EPIPE' ? 0 : 1))

/** One line of standard input, which may be a pipe; opened only when something is asked. */
async function ask(question: string): Promise<string | undefined> {
  process.stderr.write(question)
  reader ??= createInterface({ input: process.stdin })
  lines ??= reader[Symbol.asyncIterator]()
  const line = await Promise.race([lines.next(), interrupted])
  return line === undefined || line.done ? undefined : line.value.trim()
}

/** A terminal shows nothing of it; a pipe never did. */
async function askSecret(question: string): Promise<string | undefined> {
  if (!process.stdin.isTTY) return ask(question)
  const output = new Writable({ write: (_chunk, _encoding, done) => done() })
  const hidden = createInterface({ input: process.stdin, output, terminal: true })
  // Asked only now that the terminal no longer echoes: some type fast.
  process.stderr.write(question)
  hidden.once('SIGINT', () => interrupt.abort())
  try {
    const line = await Promise.race([hidden[Symbol.asyncIterator]().next(), interrupted])
    return line === undefined || line.done ? undefined : line.value
  } finally {
    hidden.close()
    process.stderr.write('\n')
  }
}

process.exitCode = await runCli(process.argv.slice(2), {
  env: process.env,
  cwd: process.cwd(),
  signal: interrupt.signal,
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  ask,
  askSecret,
  colour: wantsColour(process.stdout.isTTY, process.env),
  liveWidth: process.stderr.isTTY && process.env.TERM !== 'dumb' ? process.stderr.columns : undefined,
})
// An open standard input would keep the process.
reader?.close()
