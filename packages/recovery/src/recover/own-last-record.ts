import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { formatLsn, type Lsn, parseLsn, segmentAt, segmentRange, type Timeline } from '@lifeboat/shared/domain/wal.ts'
import type { PhysicalManifest } from '../extract/extract-backup.ts'
import { beginOfLastRecord } from '../wal/last-record.ts'

/** An end of replay in the WAL a cluster has of its own. */
export interface OwnEnd {
  timeline: Timeline
  end: Lsn
  segmentBytes: number
}

/** Where a backup of a standby ends; undefined where the WAL of a backup goes on behind its end. */
export function ownEndOf({
  fromStandby,
  timeline,
  endLsn: end,
  segmentBytes,
}: Pick<PhysicalManifest['physical'], 'fromStandby' | 'timeline' | 'endLsn' | 'segmentBytes'>): OwnEnd | undefined {
  return fromStandby ? { timeline, end, segmentBytes } : undefined
}

/**
 * Where the record begins that ends there, read from `pg_wal`.
 *
 * @returns undefined where the cluster does not have it
 */
export async function ownLastRecord(
  dataDir: string,
  { timeline, end, segmentBytes }: OwnEnd,
): Promise<Lsn | undefined> {
  for (let until = parseLsn(end); until > 0n; ) {
    const name = segmentAt(timeline, until - 1n, segmentBytes)
    const wal = await readFile(join(dataDir, 'pg_wal', name)).catch(() => undefined)
    if (!wal) return undefined
    const { start } = segmentRange(name, segmentBytes)
    const begin = beginOfLastRecord(wal.subarray(0, Number(until - start)), start)
    if (begin !== undefined) return formatLsn(begin)
    until = start
  }
  return undefined
}
