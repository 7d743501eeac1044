import { createHash } from 'node:crypto'
import type { BackupRecord, Copy } from '@lifeboat/shared/domain/backup.ts'
import type { Moment, RunId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { DrillPlan } from '../plans.ts'

export interface ChoiceQuestion extends Pick<DrillPlan, 'choose' | 'withinMs' | 'policies'> {
  /** Of the source, any order. */
  records: readonly BackupRecord[]
  /** A random choice follows from it: asked again, the same records give the same backup. */
  runId: RunId
  nowMs: number
}

export interface Choice {
  chosen: { record: BackupRecord; targetId: TargetId }[]
  /** How many could have been. */
  of: number
}

/** Which backups a rehearsal is about, and from where each is fetched: the copy that was drilled longest ago, one never drilled first. */
export function chooseBackups({ records, choose, withinMs, policies, runId, nowMs }: ChoiceQuestion): Choice {
  const fit = records
    .filter(
      ({ policyId, set }) => policies === undefined || policies.some((id) => id === policyId || id === set?.setId),
    )
    .filter((record) => nowMs - Date.parse(momentOf(record)) <= withinMs)
    .flatMap((record) => {
      const targetId = targetOf(record)
      return targetId === undefined ? [] : [{ record, targetId }]
    })
    .sort((a, b) => (a.record.backupId < b.record.backupId ? 1 : -1))
  const chosen = {
    newest: () => [...new Map(fit.toReversed().map((one) => [one.record.policyId, one])).values()],
    unproven: () => fit.filter(({ record }) => Object.values(record.copies).every(({ conclusion }) => !conclusion)),
    random: () => fit.slice(draw(runId, fit.length)).slice(0, 1),
  }[choose]()
  return { chosen, of: fit.length }
}

function draw(seed: string, among: number): number {
  const share = createHash('sha256').update(seed).digest().readUIntBE(0, 6) / 2 ** 48
  return Math.floor(share * among)
}

function momentOf({ snapshotAt, startedAt }: BackupRecord): Moment {
  return snapshotAt ?? startedAt
}

function targetOf({ copies, sealedAt }: BackupRecord): TargetId | undefined {
  if (sealedAt === undefined) return undefined
  const there = (Object.entries(copies) as [TargetId, Copy][]).filter(([, { state }]) => WHOLE.has(state))
  const [longestAgo] = there.sort(([a, one], [b, other]) => {
    const [at, otherAt] = [one.lastDrill?.at ?? '', other.lastDrill?.at ?? '']
    return at === otherAt ? (a < b ? -1 : 1) : at < otherAt ? -1 : 1
  })
  return longestAgo?.[0]
}

/** A copy that failed its drill is told of elsewhere; asking it again proves nothing. */
const WHOLE = new Set<Copy['state']>(['stored', 'proven'])
