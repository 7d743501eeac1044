import type { BackupRow } from '@lifeboat/catalog/catalog.ts'
import type { WalHole } from '@lifeboat/catalog/wal-record.ts'
import { parseLsn } from '@lifeboat/shared/domain/wal.ts'
import type { Rule, WatchedWal } from '../world.ts'

/** WAL is gone for good: nothing behind the hole can be recovered until a base that ended behind it is stored. */
export const walLost: Rule = (world) =>
  world.wal.flatMap((wal) => {
    const { sourceId, state, record } = wal
    const cause = `wal-lost.${sourceId}`
    if (state === undefined && record === undefined) return { cause, unknown: true }
    const hole = newestHole(wal)
    if (hole === undefined || (world.physical.get(sourceId) ?? []).some((row) => leadsBehind(row, hole))) return []
    return {
      cause,
      rule: 'wal-lost',
      severity: 'critical',
      title: `WAL of ${sourceId} is lost`,
      details: [
        `From ${hole.from} to ${hole.to} on timeline ${hole.timeline}, seen at ${hole.since}: ${hole.reason}`,
        `What was written until ${hole.until} can still be recovered; nothing newer, until a new base is stored`,
      ],
      hint: 'A base is asked for by itself where a policy takes bases of this source; `lifeboat backup now` takes one at once. Then look why the WAL did not get off-site in time.',
    }
  })

function newestHole({ record, state }: WatchedWal): WalHole | undefined {
  const told = state?.lost
  const written = record?.holes.at(-1)
  if (told === undefined || told.from === written?.from) return written
  return { ...told, until: told.since }
}

function leadsBehind({ state, physical }: BackupRow, hole: WalHole): boolean {
  const stored = state === 'stored' || state === 'proven'
  return stored && physical !== undefined && parseLsn(physical.endLsn) >= parseLsn(hole.to)
}
