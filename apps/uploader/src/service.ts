import { BackupSealed } from '@lifeboat/shared/bus/messages/backup.ts'
import { PartSealed } from '@lifeboat/shared/bus/messages/part.ts'
import { WalRefillRequested, WalSealed } from '@lifeboat/shared/bus/messages/wal.ts'
import type { UploaderDeps } from './deps.ts'
import { refillWal } from './handlers/refill-wal.ts'
import { sealCopy } from './handlers/seal-copy.ts'
import { storePart } from './handlers/store-part.ts'
import { storeWal } from './handlers/store-wal.ts'

/** Copies that wait for their last parts come back soon, so few hands are enough. */
const COPIES_AT_ONCE = 2

/**
 * One queue of parts, one of copies, one of WAL and one of wishes to fill it up per target, shared by all uploaders: a slow or dead target delays no other, and no
 * backup, however large, delays WAL.
 */
export async function startUploader(deps: UploaderDeps, signal: AbortSignal): Promise<void> {
  for (const lane of deps.lanes) {
    const { id } = lane.target
    const parts = { type: PartSealed, durable: `uploader-${id}`, concurrency: deps.concurrency }
    await deps.bus.consume(parts, storePart(deps, lane), { signal })
    const copies = { type: BackupSealed, durable: `copier-${id}`, concurrency: COPIES_AT_ONCE }
    await deps.bus.consume(copies, sealCopy(deps, lane), { signal })
    const wal = { type: WalSealed, durable: `wal-${id}`, concurrency: deps.concurrency }
    await deps.bus.consume(wal, storeWal(deps, lane), { signal })
    const refills = { type: WalRefillRequested, durable: `refill-${id}`, route: id }
    await deps.bus.consume(refills, refillWal(deps, lane), { signal })
  }
}
