import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { type FileHandle, mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BASE_ENV } from '@lifeboat/postgres/tools/stage.ts'
import type { RestoreId, SourceId } from '@lifeboat/shared/domain/ids.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Logger } from '@lifeboat/shared/log/logger.ts'
import type { Hook } from '../config.ts'
import { accountOf } from './hook-account.ts'

export interface HookCall {
  name: string
  on: 'post' | 'stop' | 'start' | 'ready'
  restoreId: RestoreId
  sourceId: SourceId
  /** Whether the restored data is in place already. */
  swapped: boolean
  /** Where it runs, and what it is told besides; default the root folder and nothing. */
  at?: { folder: string; env: Readonly<Record<string, string>> }
  /** Ends it before its time, with all it has started. */
  signal?: AbortSignal
  /** Told of its process, which does nothing until this has come to its end. */
  begun: (pid: number) => Promise<void>
  log: Logger
}

/** Between being asked to end and being killed. */
const KILL_AFTER_MS = 2_000
const TAIL_BYTES = 2_000
const LEFT = 'the command is over or the agent has to end'
/** Becomes the hook as soon as it is told to go. Whoever dies before has its pipe closed, and nothing is run: a hook of which nobody knows would work on behind the back of the next life. */
const AWAIT_GO = ['/bin/sh', '-c', 'read -r go && unset PWD OLDPWD && exec "$@" </dev/null', 'hook'] as const

/**
 * Runs a program of the agent's own configuration: its command as it stands there, no word of it read by a shell, none from the bus. What it may know is in LIFEBOAT_*.
 *
 * It is over when the program is: a daemon it leaves behind is not waited for. One that does not end in time is killed with all it has started.
 *
 * @throws LifeboatError RESTORE_HOOK_FAILED – another exit code than 0, not started, not in time, or ended by `signal`
 * @throws LifeboatError RESTORE_HOOK_UNFIT – it was not begun
 */
export async function runHook(
  hook: Hook,
  { name, on, restoreId, sourceId, swapped, at, signal, begun, log }: HookCall,
): Promise<void> {
  const account = accountOf(name, hook)
  await using words = await openWords()
  const told = { LIFEBOAT_HOOK: on, LIFEBOAT_RESTORE_ID: restoreId, LIFEBOAT_SOURCE: sourceId, ...at?.env }
  const env = { ...BASE_ENV, ...hook.env, ...told }
  const ended = await runInTime(hook, { env, cwd: at?.folder ?? '/', account, signal, begun }, words.file)
  log.info({ event: 'restore.hook', hook: name, on, ...ended }, 'ran a hook')
  if (ended.exitCode === 0) return
  throw new LifeboatError('RESTORE_HOOK_FAILED', { hook: name, on, swapped, ...ended, output: await words.tail() })
}

interface Ended {
  exitCode?: number
  problem?: string
}

interface Surroundings {
  env: Record<string, string>
  cwd: string
  account: ReturnType<typeof accountOf>
  signal: HookCall['signal'] | undefined
  begun: HookCall['begun']
}

async function runInTime(
  hook: Hook,
  { signal, begun, account, ...where }: Surroundings,
  { fd }: FileHandle,
): Promise<Ended> {
  if (signal?.aborted) return { problem: `it was not begun: ${LEFT}` }
  const [program, ...args] = [...AWAIT_GO, ...hook.command]
  // A group of its own, so that what it has started can be ended with it.
  const stdio: ['pipe', number, number] = ['pipe', fd, fd]
  const child = spawn(program, args, { ...where, detached: true, stdio, ...account })
  // It was ended before it could go.
  child.stdin?.on('error', () => {})
  const told = child.pid === undefined ? undefined : begun(child.pid).then(() => child.stdin?.end('go\n'))
  const gaveUp = Promise.withResolvers<undefined>()
  let killed: string | undefined
  let timer: NodeJS.Timeout | undefined
  const after = (ms: number, work: () => void) => {
    clearTimeout(timer)
    timer = setTimeout(work, ms)
  }
  const kill = (why: string) => {
    killed ??= why
    endGroup(child.pid, 'SIGTERM')
    after(KILL_AFTER_MS, () => {
      endGroup(child.pid, 'SIGKILL')
      after(KILL_AFTER_MS, () => gaveUp.resolve(undefined))
    })
  }
  after(hook.timeout, () => kill(`it did not end within ${hook.timeout} ms and`))
  const leave = () => kill(`${LEFT}, so it`)
  signal?.addEventListener('abort', leave, { once: true })
  try {
    const exit = await Promise.race([once(child, 'exit'), gaveUp.promise])
    await told
    if (exit === undefined) {
      // It became another account's, or waits for a dead disk.
      child.unref()
      return { problem: `${killed} cannot be killed` }
    }
    if (killed !== undefined) {
      endGroup(child.pid, 'SIGKILL')
      return { problem: `${killed} was killed` }
    }
    const [code, by] = exit as [number | null, NodeJS.Signals | null]
    return code === null ? { problem: `it was ended by ${by}` } : { exitCode: code }
  } catch (cause) {
    return { problem: `it did not start: ${(cause as Error).message}` }
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', leave)
  }
}

/** A process with all that is in its group. */
export function endGroup(leader: number | undefined, signal: NodeJS.Signals): void {
  try {
    if (leader !== undefined) process.kill(-leader, signal)
  } catch {
    // Gone meanwhile, or another account's.
  }
}

/** Where a hook writes: a file without a name, because a pipe would be held open by whatever it leaves running. */
async function openWords(): Promise<{ file: FileHandle; tail(): Promise<string> } & AsyncDisposable> {
  const folder = await mkdtemp(join(tmpdir(), 'lifeboat-hook-'))
  const file = await open(join(folder, 'words'), 'wx+', 0o600)
  await rm(folder, { recursive: true })
  return {
    file,
    async tail() {
      const { size } = await file.stat()
      const { buffer, bytesRead } = await file.read(
        Buffer.alloc(TAIL_BYTES),
        0,
        TAIL_BYTES,
        Math.max(0, size - TAIL_BYTES),
      )
      return buffer.toString('utf8', 0, bytesRead).trim()
    },
    [Symbol.asyncDispose]: () => file.close(),
  }
}
