import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { childEnvironment } from '../child-environment.ts'
import { dieWithUs } from '../die-with-us.ts'

export const SERVICES = ['scheduler', 'backup-agent', 'uploader', 'verifier', 'alerter'] as const
export type ServiceName = (typeof SERVICES)[number]

const ROOT = resolve(import.meta.dirname, '../../../..')
/** What the image sets, but for what depends on where it runs. */
export const IMAGE_ENVIRONMENT = { MALLOC_ARENA_MAX: '1', MALLOC_MMAP_THRESHOLD_: '1048576' } as const
const READY_WITHIN_MS = 240_000
const STOP_WITHIN_MS = 20_000

export interface ServiceStart {
  service: ServiceName
  /** Name of this instance in the world; its log is `<name>.log`. */
  name: string
  configPath: string
  logFolder: string
  env?: Readonly<Record<string, string>>
}

/** One service as a real process. */
export interface ServiceProcess extends AsyncDisposable {
  readonly pid: number
  readonly running: boolean
  readonly logFile: string
  /** Everything it logged so far, earlier processes of the same name included. */
  log(): string
  /** Resolves when the process is gone, with how it ended. */
  kill(signal: NodeJS.Signals): Promise<{ code: number | null; signal: NodeJS.Signals | null }>
  /** Resolves when it says that it started. */
  ready(): Promise<void>
}

export interface Finished {
  code: number | null
  stdout: string
  stderr: string
}

/** Runs one command of `lifeboat` to its end. */
export async function runLifeboat(
  args: readonly string[],
  opts: {
    configPath: string
    env?: Readonly<Record<string, string>>
    /** `kill`: as a machine that loses its power would. */
    onStderr?: (text: string, kill: () => void) => void
  },
): Promise<Finished> {
  const child = spawn(process.execPath, [mainOf('cli'), ...args], {
    env: environment(opts.configPath, opts.env),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  dieWithUs(child)
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
    opts.onStderr?.(text, () => child.kill('SIGKILL'))
  })
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, stdout, stderr }
}

/** Starts a service; it dies with us, whatever kills us. */
export function spawnService(start: ServiceStart): ServiceProcess {
  const logFile = join(start.logFolder, `${start.name}.log`)
  const readLog = () => readFileSync(logFile, 'utf8')
  const before = existsSync(logFile) ? readLog().length : 0
  const child = spawnLogged(start, logFile)
  const running = () => child.exitCode === null && child.signalCode === null
  const broken = (what: string) => new Error(`${start.name} ${what}:\n${readLog().slice(before).slice(-3000)}`)
  return {
    pid: child.pid ?? -1,
    logFile,
    get running() {
      return running()
    },
    log: readLog,
    async kill(signal) {
      const gone = once(child, 'exit')
      if (running() && child.kill(signal)) await gone
      return { code: child.exitCode, signal: child.signalCode }
    },
    async ready() {
      for (const until = Date.now() + READY_WITHIN_MS; Date.now() < until; await sleep(25)) {
        if (!running()) throw broken(`ended with ${child.exitCode ?? child.signalCode}`)
        if (readLog().slice(before).includes('"event":"service.started"')) return
      }
      throw broken('did not start in time')
    },
    async [Symbol.asyncDispose]() {
      const forced = setTimeout(() => child.kill('SIGKILL'), STOP_WITHIN_MS)
      await this.kill('SIGTERM')
      clearTimeout(forced)
    },
  }
}

function spawnLogged(start: ServiceStart, logFile: string): ChildProcess {
  const log = openSync(logFile, 'a')
  const child = spawn(process.execPath, [mainOf(start.service)], {
    cwd: start.logFolder,
    env: environment(start.configPath, start.env),
    stdio: ['ignore', log, log],
  })
  closeSync(log)
  dieWithUs(child)
  return child
}

function mainOf(app: ServiceName | 'cli'): string {
  return join(ROOT, 'apps', app, 'src/main.ts')
}

function environment(configPath: string, more: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  return childEnvironment({ ...IMAGE_ENVIRONMENT, LIFEBOAT_CONFIG: configPath, ...more })
}
