import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { type FileHandle, mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BASE_ENV } from '@lifeboat/postgres/tools/stage.ts'
import type { RestoreId, SourceId } from '@lifeboat/shared/domain/ids.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Logger } from '@lifeboat/shared/log/logger.ts'
import type { Hook } from '../config.ts'

export interface HookCall {
  name: string
  on: 'post' | 'stop' | 'start' | 'ready'
  restoreId: RestoreId
  sourceId: SourceId
  /** Whether the restored data is in place already. */
  swapped: boolean
  /** Where it runs, and what it is told besides; default the root folder and nothing. */
  at?: { folder: string; env: Readonly<Record<string, string>> }
  log: Logger
}

/** Between being asked to end and being killed. */
const KILL_AFTER_MS = 2_000
const TAIL_BYTES = 2_000

/**
 * Runs a program of the agent's own configuration: its command as it stands there, no shell, no word from the bus. What it may know is in LIFEBOAT_*.
 *
 * It is over when the program is: a daemon it leaves behind is not waited for. One that does not end in time is killed with all it has started.
 *
 * @throws LifeboatError RESTORE_HOOK_FAILED – another exit code than 0, not started, or not in time
 */
export async function runHook(
  hook: Hook,
  { name, on, restoreId, sourceId, swapped, at, log }: HookCall,
): Promise<void> {
  await using words = await openWords()
  const told = { LIFEBOAT_HOOK: on, LIFEBOAT_RESTORE_ID: restoreId, LIFEBOAT_SOURCE: sourceId, ...at?.env }
  const env = { ...BASE_ENV, ...hook.env, ...told }
  const ended = await runInTime(hook, { env, cwd: at?.folder ?? '/' }, words.file)
  log.info({ event: 'restore.hook', hook: name, on, ...ended }, 'ran a hook')
  if (ended.exitCode === 0) return
  throw new LifeboatError('RESTORE_HOOK_FAILED', { hook: name, on, swapped, ...ended, output: await words.tail() })
}

interface Ended {
  exitCode?: number
  problem?: string
}

async function runInTime(
  hook: Hook,
  where: { env: Record<string, string>; cwd: string },
  { fd }: FileHandle,
): Promise<Ended> {
  const [program = '', ...args] = hook.command
  // A group of its own, so that what it has started can be ended with it.
  const stdio: ['ignore', number, number] = ['ignore', fd, fd]
  const child = spawn(program, args, { ...where, detached: true, stdio, ...accountOf(hook) })
  const end = (signal: NodeJS.Signals) => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, signal)
    } catch {
      // Gone meanwhile.
    }
  }
  const timers = [
    setTimeout(() => end('SIGTERM'), hook.timeout),
    setTimeout(() => end('SIGKILL'), hook.timeout + KILL_AFTER_MS),
  ]
  const began = performance.now()
  try {
    const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null]
    if (performance.now() - began >= hook.timeout) {
      end('SIGKILL')
      return { problem: `it did not end within ${hook.timeout} ms and was killed` }
    }
    return code === null ? { problem: `it was ended by ${signal}` } : { exitCode: code }
  } catch (cause) {
    return { problem: `it did not start: ${(cause as Error).message}` }
  } finally {
    for (const timer of timers) clearTimeout(timer)
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

function accountOf({ user }: Hook): { uid?: number; gid?: number } {
  if (user === undefined || process.getuid?.() !== 0) return {}
  const idOf = (flag: string) => Number(execFileSync('id', [flag, user], { encoding: 'utf8' }))
  return { uid: idOf('-u'), gid: idOf('-g') }
}
