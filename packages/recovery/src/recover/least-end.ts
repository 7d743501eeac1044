import { parseLsn, segmentRange } from '@lifeboat/shared/domain/wal.ts'
import { forget } from '@lifeboat/shared/service/forget.ts'
import type { PlannedWal } from '../plan/plan.ts'
import { nameAt } from '../wal/find-wal.ts'
import { endOfLastRecord, endOfRecord } from '../wal/last-record.ts'
import type { WalGetter } from '../wal/wal-getter.ts'

/**
 * Where the replay of an archive must at least have come to: the end of the last record the archive holds all of. The archive may end inside a
 * record: WAL is flushed, and shipped, by the page.
 *
 * @throws LifeboatError why the archive could not give its last segment
 */
export async function leastEndOf(wal: PlannedWal, getter: Pick<WalGetter, 'look'>): Promise<bigint> {
  const from = parseLsn(wal.from)
  for (let end = parseLsn(wal.end); end > from; ) {
    const look = await lookAt(end - 1n, wal, getter, (bytes, start) => {
      return { start, least: endOfLastRecord(bytes.subarray(0, Number(end - start)), start) }
    })
    if (!look) break
    if (look.least !== undefined) return look.least
    end = look.start
  }
  return from
}

/**
 * Where the record ends that begins at a position.
 *
 * @returns the position itself where the archive does not hold it
 */
export async function endOfRecordAt(begin: bigint, wal: PlannedWal, getter: Pick<WalGetter, 'look'>): Promise<bigint> {
  const end = await lookAt(begin, wal, getter, (bytes, start) => {
    return start + BigInt(endOfRecord(bytes, Number(begin - start), wal.segmentBytes))
  })
  return end ?? begin
}

/** @returns undefined where the archive does not hold the segment */
async function lookAt<T>(
  position: bigint,
  { path, objects: listed, segmentBytes }: PlannedWal,
  getter: Pick<WalGetter, 'look'>,
  see: (bytes: Buffer, start: bigint) => T,
): Promise<T | undefined> {
  const name = nameAt(position, { path, listed, segmentBytes })
  const bytes = name && (await getter.look(name))
  if (!bytes) return undefined
  const seen = see(bytes, segmentRange(name, segmentBytes).start)
  forget(bytes)
  return seen
}
