import { DrillRequested } from '@lifeboat/shared/bus/messages/drill.ts'
import { drillRunId, moment } from '@lifeboat/shared/domain/ids.ts'
import type { LedgerEntry } from '@lifeboat/shared/domain/ledger.ts'
import { formatDuration } from '@lifeboat/shared/time/duration.ts'
import type { SchedulerDeps } from '../deps.ts'
import { goalOf, keepNote } from '../drills.ts'
import { type DrillPlan, planKey } from '../plans.ts'
import { chooseBackups } from './choose-backups.ts'

/**
 * A drill with a date of its own is due: chooses its backups, writes them down and asks for their drills. What is written down is asked for, whichever scheduler
 * chose; where nothing could be chosen the run failed, aloud.
 */
export async function beginRehearsal(deps: SchedulerDeps, entry: LedgerEntry): Promise<void> {
  const plan = drillPlanOf(deps, entry)
  if (plan === undefined) return
  const { ledger, view, catalog, clock, log } = deps
  const { runId, sourceId } = entry
  const nowMs = clock.now()
  const records = await Array.fromAsync(catalog.all({ sourceId }))
  const { chosen, of } = chooseBackups({ ...plan, records, runId, nowMs })
  const drills = chosen.map(({ record: { backupId, policyId }, targetId }) => ({
    ...{ runId: drillRunId(backupId, targetId, runId), backupId, policyId, targetId },
  }))
  const details = { heldBy: 'scheduler', beganAt: moment(nowMs), drills, chosenOf: of }
  const begun = await ledger.apply(runId, 'begin', details, { when: ({ attempt }) => attempt === 0 })
  if (begun.outcome !== 'changed') return
  view.note(begun.entry)
  log.info(
    { event: 'rehearsal.begun', runId, chosen: drills.map(({ backupId }) => backupId), of },
    'chose what to drill',
  )
  await askForRehearsal(deps, begun.entry)
}

/** Asks for the drills that are written down; asked twice they are drilled once. Where none is, the run ends, also of a scheduler that died before it said so. */
export async function askForRehearsal(deps: SchedulerDeps, entry: LedgerEntry): Promise<void> {
  const { sourceId, policyId: rehearsal, drills = [] } = entry
  if (drills.length === 0) return endWithoutDrills(deps, entry)
  for (const { runId, backupId, policyId, targetId } of drills) {
    const record = await deps.catalog.get(backupId, sourceId)
    if (record === undefined) continue
    const wish = { runId, backupId, sourceId, policyId, kind: record.kind, targetId, requestedBy: 'schedule' as const }
    const plan = deps.plans.find((candidate) => planKey(candidate) === planKey(record))
    const goal = plan && (await goalOf(deps, plan, wish))
    const requestedAt = moment(deps.clock.now())
    await keepNote(deps, {
      ...{ runId, backupId, sourceId, policyId, targetId, askedAt: requestedAt },
      ...{ reason: `chosen by ${entry.runId}`, rehearsal: entry.runId },
    })
    await deps.bus.publish(DrillRequested, { ...wish, ...goal, rehearsal, requestedAt })
  }
}

/** Everything is proven already, or nothing is there to be proven. */
async function endWithoutDrills(deps: SchedulerDeps, entry: LedgerEntry): Promise<void> {
  const plan = drillPlanOf(deps, entry)
  if (plan === undefined) return
  const { runId, chosenOf = 0 } = entry
  const endedAt = moment(deps.clock.now())
  if (plan.choose === 'unproven' && chosenOf > 0) return void (await deps.ledger.apply(runId, 'succeed', { endedAt }))
  const reason = `no backup of the last ${formatDuration(plan.withinMs)} is there to be drilled`
  await deps.ledger.apply(runId, 'fail', { reason, endedAt })
}

function drillPlanOf({ drillPlans }: SchedulerDeps, entry: LedgerEntry): DrillPlan | undefined {
  return drillPlans.find((candidate) => planKey(candidate) === planKey(entry))
}
