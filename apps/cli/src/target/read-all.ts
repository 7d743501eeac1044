import { WAL_DAMAGE_BUCKET, type WalDamage } from '@lifeboat/catalog/audit/buckets.ts'
import { readableCopy } from '@lifeboat/catalog/audit/choose-reads.ts'
import { type Announced, readCopy } from '@lifeboat/catalog/audit/read-copy.ts'
import type { CopyFinding } from '@lifeboat/catalog/audit/survey.ts'
import { tellReading } from '@lifeboat/catalog/audit/tell-looks.ts'
import type { Catalog } from '@lifeboat/catalog/catalog.ts'
import { WAL_BUCKET } from '@lifeboat/catalog/wal-bucket.ts'
import type { Bus } from '@lifeboat/shared/bus/bus.ts'
import { moment, type SourceId } from '@lifeboat/shared/domain/ids.ts'
import type { Key } from '@lifeboat/shared/domain/keys.ts'
import { parseWalKey, walPrefix } from '@lifeboat/shared/domain/wal.ts'
import type { Clock } from '@lifeboat/shared/time/clock.ts'
import type { Target } from '@lifeboat/storage/target.ts'
import type { LiveLine } from '../progress/live-line.ts'
import { readWalBack } from '../wal/read-wal-back.ts'

/** What reading everything at a target came to. */
export interface DeepAudit {
  copies: number
  bytes: number
  bad: CopyFinding[]
  wal: { objects: number; bytes: number; bad: Pick<WalDamage, 'key' | 'found' | 'problem'>[] }
}

interface Place {
  bus: Pick<Bus, 'publish' | 'bucket'>
  catalog: Pick<Catalog, 'all' | 'summaries'>
  line: Pick<LiveLine, 'progress'>
  clock: Clock
  signal: AbortSignal
}

/** Reads every copy that should be right at a target, oldest check first, then all WAL; tells of each, and asks for what is wrong to be made whole. */
export async function readAll(target: Target, at: Place): Promise<DeepAudit> {
  const copies = await readCopies(target, at)
  return { ...copies, wal: await readAllWal(target, at) }
}

async function readCopies(target: Target, at: Place): Promise<Omit<DeepAudit, 'wal'>> {
  const { bus, catalog, line, clock, signal } = at
  const copies: { announced: Announced; bytes: number; checkedMs: number }[] = []
  for await (const record of catalog.all()) {
    const copy = readableCopy(record, target.id)
    const { sourceId, backupId, manifestSha256 } = record
    if (copy) copies.push({ ...copy, announced: { sourceId, backupId, manifestSha256 } })
  }
  copies.sort((a, b) => a.checkedMs - b.checkedMs)
  const total = copies.reduce((sum, { bytes }) => sum + bytes, 0)
  const audit: Omit<DeepAudit, 'wal'> = { copies: copies.length, bytes: 0, bad: [] }
  const progress = (more: number) => {
    audit.bytes += more
    line.progress(
      { phase: `read ${target.id}`, done: audit.bytes, total: Math.max(total, audit.bytes), unit: 'bytes' },
      clock.now(),
    )
  }
  for (const { announced } of copies) {
    const { sourceId, backupId } = announced
    const reading = await readCopy(target, announced, { signal, progress })
    await tellReading(bus, { sourceId, backupId, targetId: target.id, at: moment(clock.now()) }, reading)
    const { found, problem } = reading
    if (found !== 'whole' && problem !== undefined) audit.bad.push({ sourceId, backupId, found, problem })
  }
  return audit
}

/** Of every source with backups, or whose WAL is kept. */
async function readAllWal(target: Target, { bus, catalog, line, clock, signal }: Place): Promise<DeepAudit['wal']> {
  const damages = await bus.bucket(WAL_DAMAGE_BUCKET)
  const kept = await Array.fromAsync((await bus.bucket(WAL_BUCKET)).entries())
  const sources = new Set(
    [...(await catalog.summaries()), ...kept.map(({ value }) => value)].map((one) => one.sourceId),
  )
  const read: DeepAudit['wal'] = { objects: 0, bytes: 0, bad: [] }
  const progress = (more: number) => {
    read.bytes += more
    line.progress({ phase: `read WAL at ${target.id}`, done: read.bytes, unit: 'bytes' }, clock.now())
  }
  const place = { bus, damages, clock, signal, progress }
  for (const sourceId of [...sources].sort()) {
    const { objects, bad } = await readWalBack(target, sourceId, walKeysAt(target, sourceId, signal), place)
    read.objects += objects
    read.bad.push(...bad)
  }
  return read
}

async function* walKeysAt(target: Target, sourceId: SourceId, signal: AbortSignal): AsyncGenerator<Key> {
  for await (const { key } of target.list(walPrefix(sourceId), { signal })) if (parseWalKey(key)) yield key
}
