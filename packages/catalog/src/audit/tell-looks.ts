import type { Bucket, Bus } from '@lifeboat/shared/bus/bus.ts'
import {
  CopyAudited,
  CopyRemakeRequested,
  WalAudited,
  WalRemakeRequested,
} from '@lifeboat/shared/bus/messages/audit.ts'
import type { BackupId, Moment, SourceId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import { type WalDamage, walDamageKey } from './buckets.ts'
import type { CopyReading } from './read-copy.ts'
import type { WalReading } from './read-wal.ts'
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

/**
 * Tells what reading an object of WAL came to, where it is wrong or was, and asks for what is wrong to be put anew. It is written down first: what is mended at once
 * must not be written down behind that, and what stands there is read again at each look.
 */
export async function tellWalReading(
  bus: Pick<Bus, 'publish'>,
  damages: Pick<Bucket<WalDamage>, 'get' | 'put' | 'delete'>,
  about: Pick<WalDamage, 'sourceId' | 'targetId' | 'key' | 'at'>,
  { found, problem }: Pick<WalReading, 'found' | 'problem'>,
): Promise<void> {
  if (found === 'whole' || problem === undefined) return settleWalDamage(bus, damages, about)
  const stuck = (await damages.get(walDamageKey(about)))?.value.stuck
  await noteWalDamage(bus, damages, about, { found, problem, stuck })
  const { at, ...object } = about
  await bus.publish(WalRemakeRequested, { ...object, reason: `${found}: ${problem}`, requestedAt: at })
}

/** Without asking anybody: for who tried to mend it and could not. */
export async function noteWalDamage(
  bus: Pick<Bus, 'publish'>,
  damages: Pick<Bucket<WalDamage>, 'get' | 'put'>,
  about: Pick<WalDamage, 'sourceId' | 'targetId' | 'key' | 'at'>,
  { found, problem, stuck }: Pick<WalDamage, 'found' | 'problem' | 'stuck'>,
): Promise<void> {
  const known = (await damages.get(walDamageKey(about)))?.value
  const since = known === undefined || known.mended ? about.at : known.since
  await damages.put(walDamageKey(about), { ...about, found, problem, since, ...(stuck && { stuck }) })
  await bus.publish(WalAudited, { ...about, found, problem })
}

/**
 * It is whole, or was let go; told only where it was not. What is whole again stays written down until an alerter has seen it: what is mended within a second would
 * otherwise be told to nobody.
 */
export async function settleWalDamage(
  bus: Pick<Bus, 'publish'>,
  damages: Pick<Bucket<WalDamage>, 'get' | 'put' | 'delete'>,
  about: Pick<WalDamage, 'sourceId' | 'targetId' | 'key' | 'at'>,
  remade: Pick<WalAudited, 'from'> & { letGo?: boolean } = {},
): Promise<void> {
  const { letGo = false, ...from } = remade
  const known = (await damages.get(walDamageKey(about)))?.value
  if (letGo) return damages.delete(walDamageKey(about))
  if ((known === undefined || known.mended) && remade.from === undefined) return
  await bus.publish(WalAudited, { ...about, found: 'whole', ...from })
  if (known === undefined || known.mended) return
  const { stuck: _over, ...damage } = known
  await damages.put(walDamageKey(about), { ...damage, at: about.at, mended: { at: about.at, ...from } })
}
