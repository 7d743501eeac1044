import type { BackupRow } from '@lifeboat/catalog/catalog.ts'
import { holesOnWay, leadsBehind, type WalHole, wayOf } from '@lifeboat/catalog/wal-record.ts'
import type { Rule, WatchedWal } from '../world.ts'

/** What vanished behind the back of everybody is told also where a base leads past it already: moments of the recovery window are out of reach. */
const TOLD_FOR_MS = 3_600_000

/** WAL is gone for good: nothing behind the hole can be recovered until a base that ended behind it is stored. */
export const walLost: Rule = (world) =>
  world.wal.flatMap((wal) => {
    const { sourceId, state, record } = wal
    const cause = `wal-lost.${sourceId}`
    if (state === undefined && record === undefined) return { cause, unknown: true }
    const hole = newestHole(wal)
    if (hole === undefined) return []
    const way = state && wayOf(state)
    const leading = (world.physical.get(sourceId) ?? []).filter(
      (row) => isStored(row) && row.physical && leadsBehind(row.physical, hole, way),
    )
    const isPassed = leading.length > 0
    if (isPassed && !isNews(hole, leading, world.nowMs)) return []
    return {
      cause,
      rule: 'wal-lost',
      severity: isPassed ? 'warning' : 'critical',
      title: `WAL of ${sourceId} is lost`,
      details: [
        `${whatOf(hole)}, seen at ${hole.since}: ${hole.reason}`,
        isPassed
          ? `What was written between ${hole.until} and the end of the next base cannot be recovered any more; a base leads on behind it`
          : `What was written until ${hole.until} can still be recovered; nothing newer, until a new base is stored`,
      ],
      hint: [
        isPassed ? '' : BASE_HINT,
        hole.history ? HISTORY_HINT : '',
        hole.gone ? GONE_HINT : 'Then look why the WAL did not get off-site in time.',
      ].join(''),
    }
  })

const BASE_HINT =
  'A base is asked for by itself where a policy takes bases of this source; `lifeboat backup now` takes one at once. '
const HISTORY_HINT = 'Its agent ships the history again within a minute if its server has it still. '
const GONE_HINT =
  'Look who removed it at every target, and whether a bucket keeps older versions: put back under its key at any of them, it counts again at the next look, within an hour. A `lock` keeps it from being removed (docs/retention.md).'

function whatOf({ timeline, from, to, history }: WalHole): string {
  return history
    ? `The history of timeline ${timeline}, which begins at ${from}`
    : `From ${from} to ${to} on timeline ${timeline}`
}

function newestHole({ record, state }: WatchedWal): WalHole | undefined {
  const told = state?.lost
  const written = holesOnWay(record?.holes ?? [], state).at(-1)
  if (told === undefined || told.from === written?.from) return written
  return { ...told, until: told.since }
}

/** For a while, unless one was taken for its sake. */
function isNews({ gone, since }: WalHole, leading: readonly BackupRow[], nowMs: number): boolean {
  return gone === true && nowMs - Date.parse(since) < TOLD_FOR_MS && leading.every(({ startedAt }) => startedAt < since)
}

function isStored({ state }: BackupRow): boolean {
  return state === 'stored' || state === 'proven'
}
