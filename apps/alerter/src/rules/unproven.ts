import type { BackupRow } from '@lifeboat/catalog/catalog.ts'
import { formatDuration } from '@lifeboat/shared/time/duration.ts'
import { causeOf, type Judgement, planKey, type Rule, type WatchedPlan, type World } from '../world.ts'
import { hasVerdict, waitingForDrill } from './waiting-for-drill.ts'

/** A drill failed and nothing newer from that target was proven since, or a stored backup has waited too long for its drill. */
export const unproven: Rule = (world) =>
  world.plans.flatMap((plan) => {
    const rows = (world.backups.get(planKey(plan)) ?? []).filter((row) => row.sealedAt !== undefined)
    return [
      ...plan.targets.flatMap((target) => disproven(world, plan, rows, target)),
      ...waitedTooLong(world, plan, rows),
    ]
  })

/** Per target the newest copy with a verdict speaks. */
function disproven(world: World, plan: WatchedPlan, rows: readonly BackupRow[], target: string): Judgement[] {
  const cause = causeOf('unproven', plan, target)
  const judged = rows.find((row) => hasVerdict(copyState(row, target)))
  if (judged === undefined) return [{ cause, unknown: true }]
  if (copyState(judged, target) === 'proven') return []
  return [
    {
      cause,
      rule: 'unproven',
      severity: 'critical',
      title: `The backup of ${plan.sourceId} on ${target} failed its drill (policy ${plan.policyId})`,
      details: [
        `${judged.backupId} on ${target} is disproven`,
        ...(world.drillReasons.get(`${judged.backupId}/${target}`) ?? []),
        `Other copies: ${others(judged, target)}`,
        lastProven(rows),
      ],
      hint: `Look at the evidence with \`lifeboat drill show ${judged.backupId}\` and keep older backups until this is understood.`,
    },
  ]
}

function waitedTooLong(world: World, plan: WatchedPlan, rows: readonly BackupRow[]): Judgement[] {
  const waiting = waitingForDrill(rows, plan.proveWithinMs, world.nowMs)
  const oldest = waiting.at(-1)
  if (oldest === undefined) return []
  return [
    {
      cause: causeOf('unproven', plan),
      rule: 'unproven',
      severity: 'warning',
      title: `Backups of ${plan.sourceId} are stored but not proven (policy ${plan.policyId})`,
      details: [
        `${waiting.length} ${waiting.length === 1 ? 'backup waits' : 'backups wait'} for a drill`,
        `The oldest, ${oldest.backupId}, was sealed ${formatDuration(world.nowMs - Date.parse(oldest.sealedAt ?? ''))} ago`,
        ...Object.keys(oldest.copies).flatMap((target) => drilledInVain(world, oldest, target)),
        lastProven(rows),
      ],
      hint: 'Look whether a verifier runs and what its last drills said (`lifeboat status`, `lifeboat events`).',
    },
  ]
}

function drilledInVain(world: World, { backupId }: BackupRow, target: string): string[] {
  const told = world.drillReasons.get(`${backupId}/${target}`)
  return told === undefined ? [] : [`Its drill on ${target} came to no conclusion: ${told.join(' ')}`]
}

function others(row: BackupRow, target: string): string {
  const states = Object.entries(row.copies).filter(([other]) => other !== target)
  return states.length === 0 ? 'none' : states.map(([other, state]) => `${other} ${state}`).join(', ')
}

function lastProven(rows: readonly BackupRow[]): string {
  const proven = rows.find((row) => row.state === 'proven')
  return proven === undefined ? 'No recent backup is proven' : `The newest proven backup: ${proven.backupId}`
}

function copyState(row: BackupRow, target: string): string | undefined {
  return (row.copies as Record<string, string>)[target]
}
