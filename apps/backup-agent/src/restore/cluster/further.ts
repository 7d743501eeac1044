import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { stopLeftServer } from '@lifeboat/postgres/scratch/left-server.ts'
import { replayCluster } from '@lifeboat/recovery/bare/replay-cluster.ts'
import { isThere } from '@lifeboat/recovery/swap/swap-places.ts'
import type { Goal } from '@lifeboat/shared/domain/goal.ts'
import type { ClusterLeft } from '@lifeboat/shared/domain/restore.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Command } from '../command.ts'
import { notePassedOver } from '../note-passed-over.ts'
import type { Ending } from '../tell.ts'
import { whileReading } from '../while-reading.ts'
import { refuseBackward } from './backward.ts'
import { type BesideNote, readBeside, writeBeside } from './beside-note.ts'
import { demandBeside } from './find-beside.ts'
import { chooseChain } from './plan.ts'
import { STOP_MS, serveBeside } from './serve-beside.ts'
import { emptyFolder, ownerOf } from './site.ts'
import { demandAction, type Reading, serverTools } from './work.ts'

/** Takes a cluster beside that stands still to a later point. */
export function moveBeside(command: Command): Promise<Ending> {
  const moving = demandAction(command, 'move')
  const { goal } = moving.order
  return goFurther(moving, { goal: () => goal, state: goal.to === 'latest' ? 'promoted' : 'paused' })
}

/** Ends the recovery of a cluster beside where it stands; from then on it can be written to. */
export function promoteBeside(command: Command): Promise<Ending> {
  return goFurther(demandAction(command, 'promote'), { goal: (note) => note.goal, state: 'promoted' })
}

interface Further {
  goal: (note: BesideNote) => Goal
  state: ClusterLeft['state']
}

/**
 * Stops the server, lets it replay on with the archive at hand, and starts it for a look again. What cannot be done is refused while it still
 * stands where it stood; fails it later, it is broken and only of use to be released. Production is not touched in any case.
 *
 * May be called again after the agent died.
 */
async function goFurther(command: Reading, { goal: goalOf, state }: Further): Promise<Ending> {
  const { order, deps, run } = command
  const { folder, note: found } = await demandBeside(command, ['paused'])
  const goal = goalOf(found)
  const note = { ...found, goal }
  // An earlier life of the agent came to the end of it; one that died before it said so here has moved nothing.
  const replayed = found.movedBy === order.restoreId && found.state !== 'moving'
  try {
    if (!replayed) await replayOn(command, { folder, note, state, stood: found })
    await writeBeside(folder, { ...note, state })
    command.report('start')
    const cluster = await serveBeside(folder, { ...note, state }, { deps, signal: run.signal })
    return { outcome: 'done', swapped: false, cluster }
  } catch (thrown) {
    const deployed = run.signal.aborted && !command.cancelled.aborted
    // What went wrong first is what is told.
    const moved = await readBeside(folder).catch(() => undefined)
    if (!deployed && moved?.movedBy === order.restoreId) await writeBeside(folder, { ...note, state: 'broken' })
    throw thrown
  }
}

export interface ReplayOn {
  folder: string
  /** What is known of it afterwards. */
  note: BesideNote
  state: ClusterLeft['state']
  /** What was known before. */
  stood: BesideNote
}

export async function replayOn(command: Reading, { folder, note, state, stood }: ReplayOn): Promise<void> {
  const { order, deps, run, report, entry, patienceMs, awaiting } = command
  const dataDir = join(folder, 'data')
  const account = await ownerOf(dataDir)
  await whileReading(command, async (reader) => {
    report('look')
    if (entry().stage === 'accepted' && order.action === 'move') refuseBackward(note.goal, stood)
    const { timeline } = note
    const wish = { place: 'beside', goal: note.goal, ...(timeline !== 'current' && { timeline }) } as const
    const { restoreId, sourceId, targets, hooks } = order
    const from = {
      restoreId,
      sourceId,
      backupId: note.backupId,
      targets,
      hooks,
      unproven: true,
      wish,
      patienceMs,
      awaiting,
    }
    const by = { cfg: deps.cfg, of: command, key: 'here', clock: deps.clock, reader } as const
    const { chosen: planned, target, passedOver } = await chooseChain({ ...from, ...by }, undefined, run.signal)
    await notePassedOver(command, passedOver)
    const [obstacle] = planned.told.obstacles
    if (obstacle) throw new LifeboatError(obstacle.code, obstacle.facts)
    // First in the book: only what is begun there may find it moving.
    await command.step('stopping')
    note.timeline = planned.plan.timeline
    note.movedBy = order.restoreId
    await writeBeside(folder, { ...note, state: 'moving' })
    await stopLeftServer(dataDir, { mode: 'fast', patienceMs: STOP_MS })
    // PostgreSQL removes it when it has promoted itself; an earlier life of the agent saw to that.
    if (!(await isThere(join(dataDir, 'recovery.signal')))) return
    report('replay')
    const work = await emptyFolder(join(folder, 'recovery'), account)
    const tools = await serverTools({ deps }, note.major)
    const atGoal = state === 'paused' ? 'pause' : 'promote'
    const at = { dataDir, folder: work, account, tools, atGoal, kept: true } as const
    note.recovered = await replayCluster(reader(target), planned, at, async ({ recovered }) => recovered)
    await rm(work, { recursive: true, force: true })
  })
}
