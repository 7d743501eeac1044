import type { BucketDefinition } from '@lifeboat/shared/bus/bus.ts'
import { Moment, SourceId } from '@lifeboat/shared/domain/ids.ts'
import { isOnPath, type Path, pathTo, pathTold } from '@lifeboat/shared/domain/timelines.ts'
import { Lsn, parseLsn, Timeline, type WalState } from '@lifeboat/shared/domain/wal.ts'
import { order } from '@lifeboat/shared/domain/wal-spans.ts'
import { z } from 'zod'
import type { PhysicalRow } from './catalog.ts'
import { walSealedToWith } from './keys/wal-sealed-to.ts'

const HOLES = 64

/** WAL that is lost for good; recovery cannot pass. */
export const WalHole = z.object({
  timeline: Timeline,
  from: Lsn,
  to: Lsn,
  /** Everything written until then lies before the hole. */
  until: Moment,
  since: Moment,
  reason: z.string(),
  /** It was safe and vanished from every target; over when any has it again. */
  gone: z.literal(true).optional(),
  /** What vanished is no WAL but the history file of the timeline, which begins at this place: without it recovery does not find the way onto it. */
  history: z.literal(true).optional(),
})
export type WalHole = z.infer<typeof WalHole>

/** WAL, or the history file of a timeline, that targets held and none holds whole any more. */
export const GoneWal = WalHole.pick({ timeline: true, from: true, to: true, until: true, since: true, history: true })
export type GoneWal = z.infer<typeof GoneWal>

/** A stretch of the log that is encrypted to the same public keys; the newest stretch grows on. */
export const WalSealedTo = z.object({ recipients: z.array(z.string()), from: Lsn, to: Lsn })
export type WalSealedTo = z.infer<typeof WalSealedTo>

/** What must not be forgotten about the WAL of a source: since when it is kept, and its holes. */
export const WalRecord = z.object({
  sourceId: SourceId,
  systemIdentifier: z.string(),
  /** Where keeping began, as far as anybody saw, or where the target begins that let go of most. */
  since: z.object({ lsn: Lsn, at: Moment }),
  /** What was safe when it was last looked at and no hole was known behind it. */
  safe: z.object({ lsn: Lsn, at: Moment }),
  /** The newest 64, oldest first. */
  holes: z.array(WalHole),
  /** What keys its WAL is encrypted to, the oldest first; where they changed between two looks the stretches overlap. */
  sealedTo: z.array(WalSealedTo).optional(),
})
export type WalRecord = z.infer<typeof WalRecord>

/** Key: the source. */
export const WAL_RECORD_BUCKET: BucketDefinition<WalRecord> = {
  name: 'lifeboat_wal_record',
  summary: 'Since when the WAL of each source is kept, and where it has holes; outlives the agents’ own state.',
  schema: WalRecord,
  permanent: true,
}

/**
 * What a look at the agent's state adds. Looks may be missed: a hole stays in the state until a base that ended behind it is stored.
 * Another cluster under the same name begins anew, where its agent began and not where the first look found it: a base may be older than that look.
 *
 * @param gone what no target has any more; undefined: nobody has looked, and what is known stays
 */
export function recordWal(before: WalRecord | undefined, state: WalState, gone?: readonly GoneWal[]): WalRecord {
  const { sourceId, systemIdentifier, safe, begun = safe, lost } = state
  const known = before?.systemIdentifier === systemIdentifier ? before : undefined
  const record = known ?? { sourceId, systemIdentifier, since: begun, safe, holes: [] }
  const told = lost === undefined ? record.holes : withHole(record, lost)
  const holes = gone === undefined ? told : withGone(told, gone, state)
  const sealedTo = walSealedToWith(record, state, known ? known.safe.lsn : begun.lsn)
  return { ...record, safe, holes: holes.slice(-HOLES), ...(sealedTo.length > 0 && { sealedTo }) }
}

/** The same hole may grow while the slot is away. */
function withHole({ holes, safe }: WalRecord, lost: NonNullable<WalState['lost']>): WalHole[] {
  const { timeline, from, to, since, reason } = lost
  const known = holes.find((hole) => hole.timeline === timeline && hole.from === from)
  const until = known?.until ?? (parseLsn(safe.lsn) <= parseLsn(from) ? safe.at : since)
  const grown = known !== undefined && parseLsn(known.to) > parseLsn(to) ? known.to : to
  return [...holes.filter((hole) => hole !== known), { timeline, from, to: grown, until, since, reason }]
}

function withGone(holes: readonly WalHole[], gone: readonly GoneWal[], state: WalState): WalHole[] {
  const lost = holes.filter((hole) => !hole.gone)
  const isKnown = ({ from, to }: GoneWal) =>
    lost.some((hole) => parseLsn(hole.from) <= parseLsn(from) && parseLsn(to) <= parseLsn(hole.to))
  const news = holesOnWay(gone, state)
    .filter((hole) => !isKnown(hole))
    .map((hole): WalHole => ({ ...hole, reason: hole.history ? HISTORY_GONE : WAL_GONE, gone: true }))
  return [...lost, ...news].sort((a, b) => order(parseLsn(a.to), parseLsn(b.to)))
}

const WAL_GONE = 'it was safe, and no target has it whole any more'
const HISTORY_GONE = 'no target has it any more, and without it recovery ends where that timeline begins'

/** A hole in a branch that was left is in nobody's way. */
export function holesOnWay<T extends Pick<WalHole, 'timeline' | 'from'>>(
  holes: readonly T[],
  state: Told | undefined,
): T[] {
  const way = state && wayOf(state)
  return holes.filter(({ timeline, from }) => way === undefined || isOnPath(way, timeline, parseLsn(from)))
}

/**
 * Whether recovery goes on behind a hole from a backup: it ended there, and on the way of the present timeline. One of a branch that was left does not lead on,
 * at however high a position it ended.
 *
 * @param way undefined: not known, and nothing is off it
 */
export function leadsBehind(
  { timeline, endLsn }: Pick<PhysicalRow, 'timeline' | 'endLsn'>,
  { to }: Pick<WalHole, 'to'>,
  way: Path | undefined,
): boolean {
  const end = parseLsn(endLsn)
  return end >= parseLsn(to) && (way === undefined || isOnPath(way, timeline, end))
}

type Told = Pick<WalState, 'timeline' | 'ancestors'>

/** The way of the present timeline; that timeline alone where its agent knew of no ancestors. */
export function wayOf(state: Told): Path {
  return pathTold(state) ?? pathTo(state.timeline)
}
