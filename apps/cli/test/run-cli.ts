import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { childEnvironment } from '@lifeboat/testkit/child-environment.ts'

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url))

export interface CliEnd {
  code: number | null
  out: string
  err: string
}

export interface CliChild {
  readonly child: ChildProcess
  /** What it has written so far. */
  out(): string
  err(): string
  readonly end: Promise<CliEnd>
}

/** The real program as a child process, in `cwd`. */
export function startCli(
  cwd: string,
  args: readonly string[],
  env: Record<string, string> = {},
  stdin: 'ignore' | 'pipe' = 'ignore',
): CliChild {
  const child = spawn(process.execPath, [MAIN, ...args], {
    cwd,
    env: childEnvironment(env),
    stdio: [stdin, 'pipe', 'pipe'],
  })
  let out = ''
  let err = ''
  child.stdout?.on('data', (chunk: Buffer) => {
    out += chunk.toString()
  })
  child.stderr?.on('data', (chunk: Buffer) => {
    err += chunk.toString()
  })
  const end = once(child, 'close').then(([code]) => ({
    code: code as number | null,
    out,
    err,
  }))
  return { child, out: () => out, err: () => err, end }
}

export function cli(cwd: string, args: readonly string[], env: Record<string, string> = {}): Promise<CliEnd> {
  return startCli(cwd, args, env).end
}
