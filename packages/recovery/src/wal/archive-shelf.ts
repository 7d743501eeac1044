import { type SegmentName, segmentRange } from '@lifeboat/shared/domain/wal.ts'
import type { Reader } from '../fetch/reader.ts'
import { nameAt, type WalSupply } from './find-wal.ts'
import { produceWal } from './produce.ts'
import { walReader } from './read-object.ts'
import type { WalShelf } from './wal-getter.ts'

/** WAL fetched ahead. */
const AHEAD_BYTES = 128 * 1024 ** 2

/** The WAL archive of a source at a target, for a getter. */
export async function archiveShelf(reader: Reader, supply: WalSupply, systemIdentifier: string): Promise<WalShelf> {
  const read = await walReader(reader, supply.segmentBytes)
  return {
    // As it was sealed, which may be as long, and as it was.
    takesBytes: 2 * supply.segmentBytes,
    produce: (name) => produceWal(name, supply, read, { systemIdentifier }),
    *after(name) {
      if (!/^[0-9A-F]{24}$/.test(name)) return
      let { end } = segmentRange(name as SegmentName, supply.segmentBytes)
      for (let ahead = 0; ahead < AHEAD_BYTES; ahead += supply.segmentBytes) {
        const next = nameAt(end, supply)
        if (next === undefined) return
        yield next
        end += BigInt(supply.segmentBytes)
      }
    },
  }
}
