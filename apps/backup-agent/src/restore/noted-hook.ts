import { isRunning, markOf } from '@lifeboat/shared/run/process-mark.ts'
import type { Hook } from '../config.ts'
import type { Entry } from './book.ts'
import type { AnyCommand } from './command.ts'
import { type HookCall, runHook } from './hooks.ts'

/**
 * Runs a hook of a command, and has it in the book while it runs: whoever goes on when this life of the agent has ended must know of it.
 *
 * @throws LifeboatError RESTORE_HOOK_FAILED
 */
export async function runNoted(
  command: AnyCommand,
  hook: Hook,
  call: Omit<HookCall, 'restoreId' | 'sourceId' | 'log' | 'begun'>,
): Promise<void> {
  const { order, run } = command
  const { restoreId, sourceId } = order
  // A full disk must not keep the service down.
  const note = (hook: Entry['hook']) =>
    command.step(command.entry().stage, { hook }).catch((err: unknown) => {
      run.log.warn({ event: 'restore.hook-unnoted', on: call.on, err }, 'which hook runs could not be written down')
    })
  const begun = async (pid: number) => {
    const { place, startTicks } = await markOf(pid)
    if (startTicks !== undefined) await note({ on: call.on, pid, place, startTicks, timeoutMs: hook.timeout })
  }
  try {
    await runHook(hook, { ...call, restoreId, sourceId, begun, log: run.log })
  } finally {
    const left = command.entry().hook
    if (left !== undefined && !(await isRunning(left))) await note(undefined)
  }
}
