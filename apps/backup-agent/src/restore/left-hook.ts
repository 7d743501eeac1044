import { setTimeout as pause } from 'node:timers/promises'
import { isRunning, ownPlace } from '@lifeboat/shared/run/process-mark.ts'
import type { Entry } from './book.ts'
import type { AnyCommand } from './command.ts'
import { endGroup } from './hooks.ts'

const LOOK_MS = 200

/**
 * Waits for a hook of an earlier life of the agent, which nobody watches any more: coming to its end late, one that stops the service would leave it stopped, and one that starts it would let it run
 * across the swap. One that takes longer than it may is killed with all it has started, and so is one that stops the service when this life has to end: it would have nobody to start it again. What a post
 * hook finishes is put together anew, so it is killed at once.
 *
 * @throws LifeboatError why this life has to end, while one that starts the service goes on by itself
 */
export async function outlastLeftHook(command: AnyCommand): Promise<void> {
  const { entry, run, report, leaving } = command
  const { hook } = entry()
  if (hook === undefined || !(await isLeft(command))) return
  const { on, pid, timeoutMs } = hook
  report(`${on} hook of an earlier life`)
  const until = performance.now() + (on === 'post' ? 0 : timeoutMs)
  for (; performance.now() < until && !leaving.aborted; await pause(LOOK_MS)) if (!(await isLeft(command))) return
  if (on === 'start') leaving.throwIfAborted()
  endGroup(pid, 'SIGKILL')
  run.log.warn({ event: 'restore.hook-left', on, pid, timeoutMs }, 'a hook of an earlier life was killed')
}

/** Whether a hook of an earlier life runs still; the service that one has left behind is another process. */
export async function isLeft(
  { entry }: Pick<AnyCommand, 'entry'>,
  on?: NonNullable<Entry['hook']>['on'],
): Promise<boolean> {
  const { hook } = entry()
  if (hook === undefined || (on !== undefined && hook.on !== on)) return false
  return hook.place === (await ownPlace()) && (await isRunning(hook))
}
