import { setTimeout as sleep } from 'node:timers/promises'
import { KvCatalog } from '@lifeboat/catalog/kv-catalog.ts'
import type { Bus } from '@lifeboat/shared/bus/bus.ts'
import type { BackupRecord } from '@lifeboat/shared/domain/backup.ts'
import type { BackupId, SourceId } from '@lifeboat/shared/domain/ids.ts'

/** How long the scheduler, which writes the catalogue, may take for a fact; where it is away, nobody waits for it longer. */
const BEHIND_AT_MOST_MS = 30_000
const LOOK_EVERY_MS = 50

/**
 * Waits until the catalogue tells what a fact has told already, so that the command behind this one finds it there.
 *
 * @returns when it does, when the catalogue is further behind than half a minute, or when the signal fires
 */
export async function untilRecorded(
  bus: Bus,
  { backupId, sourceId }: { backupId: BackupId; sourceId: SourceId },
  tells: (record: BackupRecord) => boolean,
  signal: AbortSignal,
): Promise<void> {
  const catalog = await KvCatalog.open(bus)
  const enough = AbortSignal.any([signal, AbortSignal.timeout(BEHIND_AT_MOST_MS)])
  while (!enough.aborted) {
    const record = await catalog.get(backupId, sourceId)
    if (record !== undefined && tells(record)) return
    await sleep(LOOK_EVERY_MS, undefined, { signal: enough }).catch(() => {})
  }
}
