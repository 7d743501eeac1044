import { KvCatalog } from '@lifeboat/catalog/kv-catalog.ts'
import type { RecoveryPoint } from '@lifeboat/catalog/sets.ts'
import type { Bus } from '@lifeboat/shared/bus/bus.ts'
import { RecoveryPointId, type SourceId } from '@lifeboat/shared/domain/ids.ts'
import type { RestorePlan } from '@lifeboat/shared/domain/restore.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Context } from '../context.ts'
import type { LiveLine } from '../progress/live-line.ts'
import { readPoint } from '../sets/read-points.ts'
import { type Addressed, addressOf, type RestoreSettings } from './address.ts'
import { askPlan, type PlanArgs } from './ask-plan.ts'
import { type Earlier, earlierRun } from './earlier-run.ts'
import { acceptanceOf, readHistory, readSent } from './history.ts'
import { orderHead, type SigningArgs } from './orders.ts'
import { sealIdentityFile } from './seal-identity.ts'
import { hooksAround, type SetHookArgs } from './set-hooks.ts'
import { leftText, type MemberBackup, type SetStep, setSteps } from './set-steps.ts'

export interface RestoreSetArgs extends SigningArgs, SetHookArgs {
  point: string
  source?: string[]
  identity?: string
  unproven?: boolean
  incomplete?: boolean
  again?: boolean
  planOnly?: boolean
}

export interface PlannedStep extends SetStep {
  to: Addressed
  args: PlanArgs & SigningArgs
  sealedIdentity: string
  plan: RestorePlan
}

export interface PlannedSet {
  point: RecoveryPoint
  /** What an earlier run of this command has brought back, or is at; it is not done a second time. */
  earlier: (SetStep & { earlier: Earlier })[]
  steps: PlannedStep[]
  leftOut: ReturnType<typeof setSteps>['leftOut']
}

interface Planning extends Pick<Context, 'terminal' | 'clock'> {
  bus: Bus
  config: RestoreSettings
  line: LiveLine
}

/**
 * Asks the agent of each source what its restore would do.
 *
 * @throws LifeboatError BACKUP_POINT_UNKNOWN | RESTORE_SET_INCOMPLETE | RESTORE_SET_EMPTY | CLI_USAGE | those of askPlan
 */
export async function planSet(args: RestoreSetArgs, by: Planning): Promise<PlannedSet> {
  const point = await pointOf(by.bus, args, by.clock.now())
  const { steps, leftOut } = setSteps(point, await backupsOf(by.bus, point), args.source)
  if (steps.length === 0)
    throw new LifeboatError('RESTORE_SET_EMPTY', { point: point.point, leftOut: leftOut.map(leftText) })
  const sources = steps.map(({ sourceId }) => sourceId)
  // Who names sources wants those, whatever became of them.
  const goesOn = !args.again && args.source === undefined
  const done = goesOn ? await earlierOf(steps, by) : new Map<SourceId, Earlier>()
  const earlier: PlannedSet['earlier'] = []
  const planned: PlannedStep[] = []
  for (const step of steps) {
    const before = done.get(step.sourceId)
    if (before) earlier.push({ ...step, earlier: before })
    else planned.push(await planStep(step, args, sources, by))
  }
  return { point, earlier, steps: planned, leftOut }
}

async function earlierOf(steps: readonly SetStep[], { bus, clock }: Planning): Promise<Map<SourceId, Earlier>> {
  // In this order: what an agent hears of between the two is in both.
  const sent = await readSent(bus)
  const history = await readHistory(bus)
  const unheard = sent.filter(({ wish }) => !acceptanceOf(history.get(wish.restoreId)))
  return earlierRun(steps, history.values(), unheard, clock.now())
}

/** Who names sources wants those, whatever became of the others. */
async function pointOf(bus: Bus, { point, incomplete, source }: RestoreSetArgs, nowMs: number): Promise<RecoveryPoint> {
  const id = RecoveryPointId.safeParse(point)
  const found = id.success ? await readPoint(bus, id.data, nowMs) : undefined
  if (found === undefined) throw new LifeboatError('BACKUP_POINT_UNKNOWN', { point })
  const isWhole = found.state === 'complete' || found.state === 'proven'
  if (isWhole || incomplete || source !== undefined) return found
  throw new LifeboatError('RESTORE_SET_INCOMPLETE', { point, state: found.state, reasons: found.reasons })
}

async function backupsOf(bus: Bus, { members }: RecoveryPoint): Promise<Map<string, MemberBackup>> {
  const catalog = await KvCatalog.open(bus)
  const found = new Map<string, MemberBackup>()
  for (const { backupId, sourceId } of members) {
    const record = backupId && (await catalog.get(backupId, sourceId))
    if (!record) continue
    const { kind, exports } = record
    found.set(backupId, { kind, ...(exports && { titles: exports.tables.map(({ title }) => title) }) })
  }
  return found
}

async function planStep(
  step: SetStep,
  args: RestoreSetArgs,
  sources: readonly string[],
  { bus, config, terminal, clock, line }: Planning,
): Promise<PlannedStep> {
  const { sourceId, backupId, as, tables } = step
  const to = addressOf(config, sourceId, undefined)
  const { point: _point, source: _source, again: _again, stopHook, startHook, readyHook, postHook, ...alike } = args
  const own: PlanArgs & SigningArgs = {
    ...{ ...alike, source: sourceId, backup: backupId },
    ...hooksAround(sourceId, { ...args }, sources),
    ...(as === 'cluster' && { inPlace: true, until: 'end' }),
    ...(tables && { table: tables, replace: true }),
  }
  // What is lacking is said before anybody waits for a plan.
  if (!args.planOnly) orderHead(config.fleet, to, {}, own, clock.now())
  const sealedIdentity = await sealIdentityFile(args.identity, to.recipient, terminal)
  const plan = await askPlan(bus, to, own, sealedIdentity, { terminal, clock, line })
  return { ...step, to, args: own, sealedIdentity, plan }
}
