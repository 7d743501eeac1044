import type { BackupFact } from '@lifeboat/catalog/project.ts'
import type { MessageType } from '@lifeboat/shared/bus/define-message.ts'
import { BackupFailed, BackupSealed, BackupStarted } from '@lifeboat/shared/bus/messages/backup.ts'
import { CopyRefused, CopyStored } from '@lifeboat/shared/bus/messages/copy.ts'
import { DrillFinished } from '@lifeboat/shared/bus/messages/drill.ts'
import type { SchedulerDeps } from './deps.ts'

/** Brings every fact about backups into the catalogue, which any number of schedulers may do together. */
export async function consumeFacts(
  { bus, catalog }: Pick<SchedulerDeps, 'bus' | 'catalog'>,
  signal: AbortSignal,
): Promise<void> {
  const follow = <T>(type: MessageType<T>, toFact: (data: T) => BackupFact) =>
    bus.consume(
      { type, durable: `catalogue-${type.subject.replaceAll('.', '-')}` },
      (data) => catalog.apply(toFact(data)),
      { signal },
    )
  await follow(BackupStarted, (data) => ({ subject: 'backup.started', data }))
  await follow(BackupSealed, (data) => ({ subject: 'backup.sealed', data }))
  await follow(BackupFailed, (data) => ({ subject: 'backup.failed', data }))
  await follow(CopyStored, (data) => ({ subject: 'copy.stored', data }))
  await follow(CopyRefused, (data) => ({ subject: 'copy.refused', data }))
  await follow(DrillFinished, (data) => ({ subject: 'drill.finished', data }))
}
