import { parseLsn, type Timeline } from '@lifeboat/shared/domain/wal.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'

/** An ancestor of a timeline, and the position at which the next one left it. */
export interface Ancestor {
  timeline: Timeline
  end: bigint
}

/** Ancestors of each timeline, oldest first; the contents of its history file. */
export type Histories = ReadonlyMap<Timeline, readonly Ancestor[]>

/** A part of the way through the WAL that belongs to one timeline: from `begin` up to, not including, `end`. */
export interface Stretch {
  timeline: Timeline
  begin: bigint
  /** undefined: the last one, open-ended. */
  end: bigint | undefined
}

const LINE = /^(\d+)\s+([0-9A-F]+\/[0-9A-F]+)(?:\s|$)/i

/**
 * Reads a timeline's history file.
 *
 * @throws LifeboatError WAL_DAMAGED
 * @see https://www.postgresql.org/docs/current/continuous-archiving.html#BACKUP-TIMELINES – one line per ancestor: number, position, reason
 */
export function parseHistory(timeline: Timeline, text: string): Ancestor[] {
  const lines = text.split('\n').map((line) => line.trim())
  const ancestors = lines
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [, id, lsn] = LINE.exec(line) ?? []
      if (id === undefined || lsn === undefined) throw damaged(timeline, line)
      return { timeline: Number(id), end: parseLsn(lsn.toUpperCase()) }
    })
  const ordered = ancestors.every((each, index) => {
    const next = ancestors[index + 1]
    return next ? next.timeline > each.timeline && next.end >= each.end : each.timeline < timeline
  })
  if (!ordered) throw damaged(timeline, text)
  return ancestors
}

/** The way from the oldest ancestor along `timeline`; without a history it begins with the timeline itself. */
export function pathTo(timeline: Timeline, histories: Histories): Stretch[] {
  const ancestors = histories.get(timeline) ?? []
  const begins = [0n, ...ancestors.map(({ end }) => end)]
  return [...ancestors, { timeline, end: undefined }].map((each, index) => ({
    ...each,
    begin: begins[index] as bigint,
  }))
}

/** Whether a position of a timeline lies on the way: a branch that was left behind it does not lead there. */
export function isOnPath(path: readonly Stretch[], timeline: Timeline, lsn: bigint): boolean {
  const stretch = path.find((each) => each.timeline === timeline)
  return stretch !== undefined && (stretch.end === undefined || lsn <= stretch.end)
}

function damaged(timeline: Timeline, text: string): LifeboatError {
  return new LifeboatError('WAL_DAMAGED', {
    timeline,
    problem: 'it is no history of a timeline',
    text: text.slice(0, 200),
  })
}
