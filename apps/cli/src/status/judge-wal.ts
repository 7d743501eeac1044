import { brokenWal, isUnshown } from '@lifeboat/catalog/broken-wal.ts'
import type { SourceSummary } from '@lifeboat/catalog/catalog.ts'
import { type KnownWal, physicalRows } from '@lifeboat/catalog/objectives-window.ts'
import { holesOnWay } from '@lifeboat/catalog/wal-record.ts'
import type { SourceId } from '@lifeboat/shared/domain/ids.ts'
import type { Objectives } from '@lifeboat/shared/domain/objectives.ts'
import { judgeRoom } from '@lifeboat/shared/domain/slot-room.ts'
import { formatBytes, formatDuration } from '@lifeboat/shared/time/duration.ts'
import { timeText } from '../format/moments.ts'
import { type Finding, red, yellow } from './finding.ts'

/** The agent writes every five seconds. */
const OLD_AFTER_MS = 60_000
const START_AGENT = 'start its agent, or look at its log'

/** What keeps the WAL of a source from being what a promise can rest on. */
export function walFindings(
  sourceId: SourceId,
  { state, record }: KnownWal,
  { windows }: Objectives,
  nowMs: number,
): Finding[] {
  if (state === undefined) return [red('nothing is known of its WAL: does its agent run?', START_AGENT)]
  const { at, status, error, slot } = state
  const ageMs = nowMs - Date.parse(at)
  const found: Finding[] = []
  if (ageMs > OLD_AFTER_MS)
    found.push(red(`its agent has said nothing of its WAL for ${formatDuration(ageMs)}`, START_AGENT))
  const why = error ? `: ${error.title}` : ''
  const look = `lifeboat wal status ${sourceId}`
  const mend = error?.hint ?? look
  const takeBase = `lifeboat backup now ${sourceId}, with a policy that takes bases`
  if (status === 'waiting') found.push(yellow(`its WAL cannot be received now and is tried again${why}`, mend))
  if (status === 'refused') found.push(red(`its WAL is refused${why}`, mend))
  if (slot.retainedBytes > slot.warnBytes)
    found.push(
      yellow(`its server keeps back ${formatBytes(slot.retainedBytes)} of WAL that targets do not have yet`, look),
    )
  const room = judgeRoom(slot)
  if (room.verdict === 'tight' || room.verdict === 'short') {
    const of = `${formatBytes(room.neededBytes)} of ${formatBytes(room.roomBytes)}`
    const say = `the WAL its server keeps back is about to take ${of} that its disk has for it`
    found.push(room.verdict === 'short' ? red(say, look) : yellow(say, look))
  }
  const hole = holesOnWay(record?.holes ?? [], state).at(-1)
  if (windows.some(({ current }) => current)) return found
  if (hole)
    found.push(
      red(
        `WAL was lost at ${timeText(hole.since)}: nothing newer can be recovered until a new base is stored`,
        takeBase,
      ),
    )
  else found.push(yellow('no stored base leads into its WAL: alone it recovers nothing', takeBase))
  return found
}

/** What drills found when they replayed it. */
export function brokenFindings(sourceId: SourceId, summary: SourceSummary | undefined): Finding[] {
  const audit = `lifeboat wal audit ${sourceId}`
  return brokenWal(physicalRows(summary)).map(({ targetId, verdict, segment, reasons }) => {
    if (isUnshown({ verdict, reasons }))
      return yellow(
        `no heartbeat showed how far its WAL at ${targetId} led a drill`,
        `lifeboat source check ${sourceId}`,
      )
    const place = segment === undefined ? '' : ` at ${segment}`
    return verdict === 'failed'
      ? red(`a drill could not replay its WAL at ${targetId}: it is broken${place}`, audit)
      : yellow(`a drill found that its WAL at ${targetId} ends${place}, before the moment it should reach`, audit)
  })
}
