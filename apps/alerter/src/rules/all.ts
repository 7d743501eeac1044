import type { Judgement, World } from '../world.ts'
import { chainBroken } from './chain-broken.ts'
import { checksumFailures } from './checksum-failures.ts'
import { copyBehind } from './copy-behind.ts'
import { copyDamaged } from './copy-damaged.ts'
import { copyLocked } from './copy-locked.ts'
import { copyUnlocked } from './copy-unlocked.ts'
import { deadLetter } from './dead-letter.ts'
import { drillBacklog } from './drill-backlog.ts'
import { drillMissed } from './drill-missed.ts'
import { expiryOverdue } from './expiry-overdue.ts'
import { expiryRefused } from './expiry-refused.ts'
import { failed } from './failed.ts'
import { filesUnreadable } from './files-unreadable.ts'
import { footingLost } from './footing-lost.ts'
import { growth } from './growth.ts'
import { keyEnding, keyMissing } from './key-missing.ts'
import { late } from './late.ts'
import { missing } from './missing.ts'
import { overdue } from './overdue.ts'
import { retrying } from './retrying.ts'
import { rpoBreach } from './rpo-breach.ts'
import { serviceSilent } from './service-silent.ts'
import { setIncomplete } from './set-incomplete.ts'
import { slotRetention } from './slot-retention.ts'
import { classLate, classMisplaced } from './storage-class.ts'
import { targetDoubted } from './target-doubted.ts'
import { undersized } from './undersized.ts'
import { unproven } from './unproven.ts'
import { walBroken } from './wal-broken.ts'
import { walDamaged } from './wal-damaged.ts'
import { walLost } from './wal-lost.ts'
import { walRefused } from './wal-refused.ts'
import { walSilent } from './wal-silent.ts'

export const RULES = [
  serviceSilent,
  footingLost,
  missing,
  late,
  failed,
  retrying,
  overdue,
  undersized,
  growth,
  unproven,
  drillBacklog,
  copyBehind,
  copyDamaged,
  targetDoubted,
  copyLocked,
  copyUnlocked,
  classMisplaced,
  classLate,
  expiryRefused,
  expiryOverdue,
  deadLetter,
  rpoBreach,
  walSilent,
  walRefused,
  slotRetention,
  walLost,
  walBroken,
  walDamaged,
  checksumFailures,
  chainBroken,
  filesUnreadable,
  setIncomplete,
  drillMissed,
  keyMissing,
  keyEnding,
] as const

/** What all rules say. Waiting for drills is told once: when the verifiers as a whole fall behind, not also per source. */
export function judge(world: World): Judgement[] {
  const judgements = RULES.flatMap((rule) => rule(world))
  const backlog = judgements.some((judgement) => judgement.cause === 'drill-backlog.all')
  if (!backlog) return judgements
  return judgements.map((judgement) => (isWaiting(judgement) ? { cause: judgement.cause, unknown: true } : judgement))
}

/** The finding that backups of a plan wait for a drill, not that one failed. */
function isWaiting(judgement: Judgement): boolean {
  return 'rule' in judgement && judgement.rule === 'unproven' && judgement.severity === 'warning'
}
