import { parseLsn } from '@lifeboat/shared/domain/wal.ts'
import type { PlannedWal } from '../plan/plan.ts'

/**
 * Where the replay of an archive must at least have come to: its last record lies in the last segment, or begins in the one before. A record that
 * cannot be read ends recovery in silence, as the true end does.
 */
export function leastEndOf({ end, segmentBytes }: Pick<PlannedWal, 'end' | 'segmentBytes'>): bigint {
  const segment = BigInt(segmentBytes)
  const last = parseLsn(end) - 1n
  return last - (last % segment) - segment
}
