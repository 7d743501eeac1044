import { connectSource } from '@lifeboat/postgres/connection.ts'
import type { Swapped } from '@lifeboat/recovery/swap/swap-databases.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Run } from '@lifeboat/shared/run/run.ts'
import type { AnyCommand, Command, FilesCommand } from './command.ts'
import type { HookCall } from './hooks.ts'
import { isLeft } from './left-hook.ts'
import { runNoted } from './noted-hook.ts'
import { subjectIn } from './restorable.ts'
import { audit, type Ending } from './tell.ts'

export type SwapWork =
  | { done: true; swap: undefined }
  | {
      done: false
      aside: string | undefined
      swap: (run: Pick<Run, 'signal'>) => Promise<Partial<Swapped> | undefined>
      /** Asked when `swap` failed: its end may have come and only the answer been lost. */
      happened: () => Promise<boolean>
    }

/**
 * Stop, swap, start, look: the part production notices.
 *
 * A failure before the swap starts the service again and is thrown; nothing has changed. A failure after it is part of the ending.
 *
 * @param work `done`: an earlier life of the agent has swapped already
 */
export async function aroundSwap(command: Command | FilesCommand, work: SwapWork): Promise<Ending> {
  const { entry, deps, order } = command
  const swapped = work.done ? undefined : await swap(command, work)
  const aside = swapped?.aside ?? entry().aside
  const about = {
    swapped: true,
    ...(aside !== undefined && { aside }),
    ...(swapped?.terminated !== undefined && { terminated: swapped.terminated }),
  }
  // Before anything is written or told: a full disk or a bus that is away must not keep the service down.
  const unstarted = await hook(command, 'start', true).then(() => undefined, LifeboatError.from)
  await command.step('swapped', { stopped: false, ...(aside !== undefined && { aside }) })
  await audit(
    deps,
    'swapped',
    { restoreId: order.restoreId, who: entry().who, order, ...subjectIn(deps.cfg, order.sourceId) },
    { aside },
  )
  try {
    if (unstarted) throw unstarted
    if ('database' in command) {
      command.report('look again')
      await demandAnswer(command)
    }
    await hook(command, 'ready', true)
    return { outcome: 'done', ...about }
  } catch (thrown) {
    return { outcome: 'failed', ...about, error: LifeboatError.from(thrown) }
  }
}

async function swap(
  command: AnyCommand,
  work: Extract<SwapWork, { done: false }>,
): Promise<Partial<Swapped> | undefined> {
  // An earlier life was at it, and whoever calls has seen that it did not get through.
  if (command.entry().stage === 'swapping') await command.step('ready')
  try {
    command.run.signal.throwIfAborted()
    // Over whatever name an earlier life had for it, also where there is nothing any more that could bear one.
    await command.step('stopping', { stopped: true, aside: work.aside })
    await hook(command, 'stop', false)
    // Also for a deploy: a process that is told to end has no time to wait for sessions or locks with the service stopped.
    command.run.signal.throwIfAborted()
    await command.step('swapping')
    return await work.swap({ signal: command.run.signal })
  } catch (thrown) {
    if (command.entry().stage === 'swapping') {
      if (await work.happened()) return {}
      await command.step('ready')
    }
    await startAgain(command)
    throw thrown
  }
}

/** Runs the start hook where the stop hook was begun, by this life of the agent or an earlier one: without a swap the service belongs where it was. */
export async function startAgain(command: AnyCommand): Promise<void> {
  if (!command.entry().stopped) return
  // This life has to end before it is through: it starts the service by itself, and the next life waits for it.
  if (await isLeft(command, 'start')) return
  try {
    await hook(command, 'start', false)
    await command.step(command.entry().stage, { stopped: false })
  } catch (err) {
    command.run.log.error({ event: 'restore.unstarted', err }, 'the service could not be started again after all')
  }
}

/** Nothing an earlier life put together counts, and what it stopped runs meanwhile: bringing it back once more takes as long as it takes. */
export async function beginAnew(command: AnyCommand): Promise<void> {
  await startAgain(command)
  await command.step('accepted')
}

/** @throws LifeboatError RESTORE_HOOK_… */
export async function hook(
  command: AnyCommand,
  on: 'stop' | 'start' | 'ready',
  swapped: boolean,
  at?: HookCall['at'],
): Promise<void> {
  const { restore, order, report, leaving } = command
  const name = order.hooks[on]
  if (name === undefined) return
  const found = restore.hooks[name]
  if (!found) throw new LifeboatError('RESTORE_HOOK_UNKNOWN', { hook: name, swapped })
  report(`${on} hook`)
  // What starts the service is let go on by itself; what stops it would keep it stopped when nobody is left to start it.
  await runNoted(command, found, { name, on, swapped, ...(at && { at }), ...(on === 'stop' && { signal: leaving }) })
}

/** As the role that takes the backups: not a superuser's answer, somebody's who was granted something. */
async function demandAnswer({ source, database }: Command): Promise<void> {
  try {
    const to = { ...source.connection, database }
    await using client = await connectSource(to, { applicationName: 'lifeboat restore', lockTimeoutMs: 10_000 })
    await client.query('select count(*) from pg_class')
  } catch (cause) {
    const { code, facts } = LifeboatError.from(cause)
    throw new LifeboatError('RESTORE_NOT_READY', { ...facts, database, problem: code }, { cause })
  }
}
