import type { Bus } from '@lifeboat/shared/bus/bus.ts'
import { CopyAudited, CopyRemakeRequested } from '@lifeboat/shared/bus/messages/audit.ts'
import type { BackupId, Moment, SourceId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { CopyReading } from './read-copy.ts'
import type { Survey } from './survey.ts'

/** Tells what a list showed of copies, and asks for those that are not whole to be made so. */
export async function tellSurvey(
  bus: Pick<Bus, 'publish'>,
  { survey: { targetId, at }, findings, unmended }: Survey,
): Promise<void> {
  for (const { sourceId, backupId, found, problem } of findings)
    await tell(bus, { sourceId, backupId, targetId, at, found, problem })
  for (const { sourceId, backupId, found, problem } of unmended)
    await ask(bus, { sourceId, backupId, targetId, at, found, problem })
}

/** Tells what reading all of a copy came to, and asks for it to be made whole where it is not. */
export async function tellReading(
  bus: Pick<Bus, 'publish'>,
  about: { sourceId: SourceId; backupId: BackupId; targetId: TargetId; at: Moment },
  { found, problem }: Pick<CopyReading, 'found' | 'problem'>,
): Promise<void> {
  await tell(bus, { ...about, found, ...(problem !== undefined && { problem }), read: true })
}

/** The wish goes first: once the catalogue knows, no look finds anything new, and who dies between the two must not leave a copy nobody mends. */
async function tell(bus: Pick<Bus, 'publish'>, finding: CopyAudited): Promise<void> {
  if (finding.found !== 'whole') await ask(bus, finding)
  await bus.publish(CopyAudited, finding)
}

async function ask(bus: Pick<Bus, 'publish'>, finding: CopyAudited): Promise<void> {
  const { sourceId, backupId, targetId, found, problem, at } = finding
  await bus.publish(CopyRemakeRequested, {
    ...{ sourceId, backupId, targetId, reason: `${found}: ${problem}`, requestedAt: at },
  })
}
