import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { dieWithUs } from './die-with-us.ts'
import { freePort } from './free-port.ts'

export interface NatsServer extends AsyncDisposable {
  /** `nats://127.0.0.1:<port>` */
  readonly url: string
  readonly port: number
  readonly storeDir: string
  /** Of the process that runs now. */
  readonly pid: number
  /** SIGTERM, then waits for the end; the store stays until the server is disposed. */
  stop(): Promise<void>
  /** Starts again on the same port, with the same store unless that is lost; kills it first when `signal` says how. */
  restart(opts?: { signal?: 'SIGTERM' | 'SIGKILL'; downMs?: number; storeLost?: boolean }): Promise<void>
}

export interface NatsOptions {
  jetstream?: boolean
  /** Default: one the system has free. */
  port?: number
  /** Default: a temporary folder that is removed at the end. A folder given here stays. */
  storeDir?: string
  /** Further command line arguments, e.g. `['--user', 'lifeboat', '--pass', 'x']`. */
  args?: readonly string[]
}

const READY_WITHIN_MS = 120_000

/**
 * Boots the real `nats-server` on the loopback address and resolves when it is ready.
 *
 * @throws Error with the server's own last lines when it does not get ready within two minutes
 */
export async function startNats(opts: NatsOptions = {}): Promise<NatsServer> {
  const storeDir = opts.storeDir ?? (await mkdtemp(join(tmpdir(), 'lifeboat-nats-')))
  const port = opts.port ?? (await freePort())
  const args = ['-a', '127.0.0.1', '-p', String(port), ...(opts.args ?? [])]
  if (opts.jetstream ?? true) args.push('--jetstream', '--store_dir', storeDir)
  const folder = opts.storeDir === undefined ? storeDir : undefined
  let child = await boot(args, folder)

  const stop = (signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM') => end(child, signal)
  return {
    url: `nats://127.0.0.1:${port}`,
    port,
    storeDir,
    get pid() {
      return child.pid ?? 0
    },
    stop: () => stop(),
    async restart({ signal, downMs = 0, storeLost = false } = {}) {
      await stop(signal)
      if (storeLost) await rm(join(storeDir, 'jetstream'), { recursive: true, force: true })
      await new Promise((resolve) => setTimeout(resolve, downMs))
      child = await boot(args, folder)
    },
    async [Symbol.asyncDispose]() {
      await stop()
      if (opts.storeDir === undefined) await rm(storeDir, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

async function boot(args: readonly string[], folder: string | undefined): Promise<ChildProcess> {
  const child = spawn('nats-server', args, { stdio: ['ignore', 'ignore', 'pipe'] })
  dieWithUs(child, folder)
  await ready(child).catch(async (cause: unknown) => {
    await end(child, 'SIGKILL')
    throw cause
  })
  return child
}

function ready(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = ''
    const fail = (why: string) => reject(new Error(`nats-server ${why}: ${said.slice(-2000)}`))
    const timer = setTimeout(() => fail('is not ready in time'), READY_WITHIN_MS)
    child.once('error', (cause) => reject(new Error('nats-server cannot be started; is it installed?', { cause })))
    child.once('exit', (code) => fail(`ended with ${code}`))
    child.stderr?.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-8000)
      if (!said.includes('Server is ready')) return
      clearTimeout(timer)
      resolve()
    })
  })
}

async function end(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill(signal)
  await gone
}
