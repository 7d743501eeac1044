import { readableCopy } from '@lifeboat/catalog/audit/choose-reads.ts'
import { type Announced, readCopy } from '@lifeboat/catalog/audit/read-copy.ts'
import type { CopyFinding } from '@lifeboat/catalog/audit/survey.ts'
import { tellReading } from '@lifeboat/catalog/audit/tell-looks.ts'
import type { Catalog } from '@lifeboat/catalog/catalog.ts'
import type { Bus } from '@lifeboat/shared/bus/bus.ts'
import { moment } from '@lifeboat/shared/domain/ids.ts'
import type { Clock } from '@lifeboat/shared/time/clock.ts'
import type { Target } from '@lifeboat/storage/target.ts'
import type { LiveLine } from '../progress/live-line.ts'

/** What reading everything at a target came to. */
export interface DeepAudit {
  copies: number
  bytes: number
  bad: CopyFinding[]
}

/** Reads every copy that should be right at a target, oldest check first; tells of each, and asks for what is wrong to be made whole. */
export async function readAll(
  target: Target,
  at: {
    bus: Pick<Bus, 'publish'>
    catalog: Pick<Catalog, 'all'>
    line: Pick<LiveLine, 'progress'>
    clock: Clock
    signal: AbortSignal
  },
): Promise<DeepAudit> {
  const { bus, catalog, line, clock, signal } = at
  const copies: { announced: Announced; bytes: number; checkedMs: number }[] = []
  for await (const record of catalog.all()) {
    const copy = readableCopy(record, target.id)
    const { sourceId, backupId, manifestSha256 } = record
    if (copy) copies.push({ ...copy, announced: { sourceId, backupId, manifestSha256 } })
  }
  copies.sort((a, b) => a.checkedMs - b.checkedMs)
  const total = copies.reduce((sum, { bytes }) => sum + bytes, 0)
  const audit: DeepAudit = { copies: copies.length, bytes: 0, bad: [] }
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
