import type { Bus } from '@lifeboat/shared/bus/bus.ts'
import { CopyAudited, CopyRemade } from '@lifeboat/shared/bus/messages/audit.ts'
import { BackupFailed, BackupSealed, BackupStarted, BackupUnchanged } from '@lifeboat/shared/bus/messages/backup.ts'
import { CopyLockFound, CopyRefused, CopyStored } from '@lifeboat/shared/bus/messages/copy.ts'
import { DrillFinished } from '@lifeboat/shared/bus/messages/drill.ts'
import { CopyExpired, CopyLocked, CopyMarked, CopyUnmarked } from '@lifeboat/shared/bus/messages/expiry.ts'
import type { Catalog } from './catalog.ts'
import type { BackupFact } from './project.ts'

/** The messages the catalogue is a projection of. */
export const CATALOGUE_MESSAGES = [
  BackupStarted,
  BackupSealed,
  BackupUnchanged,
  BackupFailed,
  CopyStored,
  CopyRefused,
  CopyLockFound,
  DrillFinished,
  CopyMarked,
  CopyUnmarked,
  CopyExpired,
  CopyLocked,
  CopyAudited,
  CopyRemade,
] as const

/**
 * Keeps the catalogue up to date until the signal fires: one durable per message, `catalogue-backup-sealed` and so on, shared by all who follow.
 *
 * @param then called after each fact was applied, before it is acknowledged; throwing makes it come again
 */
export async function followFacts(
  bus: Pick<Bus, 'consume'>,
  catalog: Pick<Catalog, 'apply'>,
  opts: { signal: AbortSignal; then?: (fact: BackupFact) => Promise<void> },
): Promise<void> {
  for (const type of CATALOGUE_MESSAGES) {
    const durable = `catalogue-${type.subject.replaceAll('.', '-')}`
    await bus.consume(
      { type: type as never, durable },
      async (data) => {
        const fact = { subject: type.subject, data } as BackupFact
        await catalog.apply(fact)
        await opts.then?.(fact)
      },
      { signal: opts.signal },
    )
  }
}
