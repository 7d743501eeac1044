import type { PhysicalManifest } from '@lifeboat/recovery/extract/extract-backup.ts'
import type { WalFinding } from '@lifeboat/shared/domain/drill.ts'
import type { Key } from '@lifeboat/shared/domain/keys.ts'
import { formatLsn, Lsn, parseWalKey, rangeOf, SegmentName, segmentRange } from '@lifeboat/shared/domain/wal.ts'
import type { ErrorCode } from '@lifeboat/shared/errors/catalogue.ts'
import type { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Drill } from '../../drill.ts'

/**
 * What can lie in the WAL behind a backup and need not touch the backup itself. The last two are PostgreSQL's word that it cannot go on; whether
 * that is the WAL's fault shows when the backup comes back without it.
 */
const OF_THE_WAL: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'WAL_MISSING',
  'WAL_DAMAGED',
  'WAL_FOREIGN',
  'WAL_AMBIGUOUS',
  'RECOVERY_IN_GAP',
  'RECOVERY_BEYOND_ARCHIVE',
  'RECOVERY_ENDED_EARLY',
  'RECOVERY_REFUSED',
])

/** Whether the drill goes on without WAL; then it is noted where the way through it broke off. */
export function breaksWal({ findings }: Pick<Drill, 'findings'>, err: LifeboatError, last: PhysicalManifest): boolean {
  if (!OF_THE_WAL.has(err.code)) return false
  findings.walBroke = placeOf(err, last.physical.segmentBytes)
  return true
}

/** As far as the error knows it: by the object's name, the segment, or how far the replay came. */
export function placeOf(
  { facts }: Pick<LifeboatError, 'facts'>,
  segmentBytes: number,
): Pick<WalFinding, 'segment' | 'reached'> {
  const named = SegmentName.safeParse(facts.segment).data
  const object = typeof facts.key === 'string' ? parseWalKey(facts.key as Key) : undefined
  const segment = named ?? (object && object.kind !== 'history' ? object.segment : undefined)
  const told = Lsn.safeParse(facts.reaches ?? facts.reached).data
  const range = named ? segmentRange(named, segmentBytes) : object && rangeOf(object, segmentBytes)
  const reached = told ?? (range && formatLsn(range.start))
  return { ...(segment && { segment }), ...(reached && { reached }) }
}
