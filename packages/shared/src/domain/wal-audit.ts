import type { Moment, TargetId } from './ids.ts'
import {
  formatLsn,
  isLetGo,
  type LetGoWord,
  type Lsn,
  parseLsn,
  rangeOf,
  type Timeline,
  timelineOf,
  type WalObject,
  type WalState,
} from './wal.ts'
import { type AuditedHistory, auditHistory } from './wal-audit-history.ts'
import { type BasePoint, type Branch, neededSpans } from './wal-needed.ts'
import { covers, cutAt, order, type Span, uncovered, union, within } from './wal-spans.ts'

/** What a listing of one target says of the archive. */
export interface ListedWal {
  targetId: TargetId
  objects: readonly WalObject[]
}

/**
 * - `present`: the target holds it
 * - `delayed`: the server still has it and no target has; it comes with one of the next pieces
 * - `uploading`: other targets have it, this one has not confirmed it yet
 * - `missing`: this target confirmed it once and does not hold it any more; others do
 * - `lost`: nobody has it; recovery cannot pass
 */
export type WalStatus = 'present' | 'delayed' | 'uploading' | 'missing' | 'lost'

export interface AuditedRange {
  status: WalStatus
  start: Lsn
  /** Excluded. */
  end: Lsn
  bytes: number
  /** Of what is delayed or uploading: for longer than the flush timer and its grace allow. */
  late?: true
  /** Of what is missing or uploading: other targets that hold it. */
  at?: TargetId[]
  /** Of what is lost: a base ended behind it, so only older moments are out of reach. */
  bridged?: true
}

/** One place, two contents: keys hold a digest of the plain bytes, so nothing was overwritten and somebody must say which one is right. */
export interface WalConflict {
  object: string
  digests: string[]
}

export interface TimelineAudit {
  timeline: Timeline
  /** Whether recovery to now passes through it; of an abandoned one only what is there is told. */
  needed: boolean
  /** Of those recovery goes over to on its way, and of any that is there. */
  history?: AuditedHistory
  ranges: AuditedRange[]
  conflicts: WalConflict[]
}

export type WalVerdict = 'whole' | 'behind' | 'missing' | 'lost'

export interface WalAudit {
  targetId: TargetId
  /** `behind`: it is late; `missing`: other targets can help, or two contents contradict each other; `lost`: nobody can, and no base leads on behind it. */
  verdict: WalVerdict
  timelines: TimelineAudit[]
}

export interface WalQuestion {
  target: ListedWal
  /** Other targets, as far as they were listed; of the rest `state` is believed. */
  others: readonly ListedWal[]
  segmentBytes: number
  /** As history files tell; where none is known the branch lies where the newer timeline begins. */
  branches: readonly Branch[]
  state?: WalState | undefined
  /** Ends of bases recovery may begin with, oldest first: from the first of them on WAL is needed. None: from the oldest WAL there is. */
  bases: readonly BasePoint[]
  /** What the target let go of on purpose is not missing there: what ends at such a place or earlier, of that timeline and of older ones. */
  letGo?: readonly LetGoWord[]
  /** WAL that is known to be lost, besides what `state` says: an agent forgets a hole once a base behind it is stored. */
  holes: readonly Pick<NonNullable<WalState['lost']>, 'from' | 'to'>[]
  flushEveryMs: number
  /** How long a piece may be on its way after the flush timer. */
  graceMs: number
  nowMs: number
}

/** Which part of the log a target holds, what is on its way, and what is gone. Looks at names only: contents are what drills read. */
export function auditWal(question: WalQuestion): WalAudit {
  const { target, others, segmentBytes } = question
  const own = spansByTimeline(target.objects, segmentBytes)
  const elsewhere = others.map(({ targetId, objects }) => ({ targetId, spans: spansByTimeline(objects, segmentBytes) }))
  const known = spansByTimeline(
    [target, ...others].flatMap(({ objects }) => objects),
    segmentBytes,
  )
  const needed = neededSpans({ ...question, known })
  const conflicts = Map.groupBy(conflictsIn(target.objects), ({ timeline }) => timeline)
  const [first] = needed.keys()
  const histories = target.objects.flatMap((object) => (object.kind === 'history' ? [object.timeline] : []))
  const timelines = [...new Set([...own.keys(), ...needed.keys(), ...histories])]
    .sort((a, b) => a - b)
    .map((timeline) => {
      const span = needed.get(timeline)
      const history = auditHistory(timeline, timeline === first ? undefined : span?.start, question)
      const there = own.get(timeline) ?? []
      const held = elsewhere.map(({ targetId, spans }) => ({ targetId, spans: spans.get(timeline) ?? [] }))
      return {
        timeline,
        needed: span !== undefined,
        ...(history && { history }),
        ranges:
          span === undefined
            ? there.map((one) => audited('present', one))
            : ranges({ timeline, ...span }, there, held, question),
        conflicts: (conflicts.get(timeline) ?? []).map(({ conflict }) => conflict),
      }
    })
  return { targetId: target.targetId, verdict: verdictOf(timelines), timelines }
}

interface Held {
  targetId: TargetId
  spans: readonly Span[]
}

function ranges(
  { timeline, ...span }: Span & { timeline: Timeline },
  there: readonly Span[],
  held: readonly Held[],
  question: WalQuestion,
): AuditedRange[] {
  const present = within(span, there).map((one) => audited('present', one))
  const places = boundaries(held, question)
  const { letGo = [] } = question
  const isWaitedFor = ({ end }: Span) => !letGo.some((word) => isLetGo(word, { timeline, end }))
  const absent = uncovered(span, there).flatMap((gap) =>
    cutAt(gap, places)
      .filter(isWaitedFor)
      .map((one) => absentRange(one, held, question)),
  )
  return joined([...present, ...absent].sort((a, b) => order(parseLsn(a.start), parseLsn(b.start))))
}

/** Where what can be said of absent WAL may change. */
function boundaries(held: readonly Held[], question: WalQuestion): bigint[] {
  const { state, bases, letGo = [] } = question
  const lsns = state ? [state.safe, ...Object.values(state.targets)].map(({ lsn }) => parseLsn(lsn)) : []
  const lost = lostSpans(question).flatMap(({ start, end }) => [start, end])
  return [
    ...lsns,
    ...lost,
    ...letGo.map(({ lsn }) => parseLsn(lsn)),
    ...bases.map(({ lsn }) => lsn),
    ...held.flatMap(({ spans }) => spans.flatMap(({ start, end }) => [start, end])),
  ]
}

function absentRange(span: Span, held: readonly Held[], question: WalQuestion): AuditedRange {
  const { state, target } = question
  const at = holders(span, held, question)
  const confirmed = reached(state, target.targetId)
  if (at.length > 0) {
    if (state === undefined || (confirmed !== undefined && span.end <= confirmed))
      return { ...audited('missing', span), at }
    return { ...audited('uploading', span), ...late(question), at }
  }
  if (onServer(span, question)) return { ...audited('delayed', span), ...late(question) }
  return { ...audited('lost', span), ...(question.bases.some(({ lsn }) => lsn >= span.end) ? { bridged: true } : {}) }
}

/** Targets that were listed are believed as listed; of the others what they confirmed to the agent counts. */
function holders(span: Span, held: readonly Held[], question: WalQuestion): TargetId[] {
  const { state, target } = question
  const listed = held.filter(({ spans }) => covers(spans, span)).map(({ targetId }) => targetId)
  const looked = new Set([target.targetId, ...held.map(({ targetId }) => targetId)])
  const told = (Object.keys(state?.targets ?? {}) as TargetId[]).filter(
    (other) => !looked.has(other) && !isLost(span, question) && span.end <= (reached(state, other) ?? 0n),
  )
  return [...listed, ...told]
}

/** The slot keeps everything that is not safe, unless it was given up. */
function onServer(span: Span, question: WalQuestion): boolean {
  const { state } = question
  return state !== undefined && span.start >= parseLsn(state.safe.lsn) && !isLost(span, question)
}

function isLost(span: Span, question: WalQuestion): boolean {
  return lostSpans(question).some(({ start, end }) => start <= span.start && span.end <= end)
}

function lostSpans({ state, holes }: WalQuestion): Span[] {
  const all = [...holes, ...(state?.lost ? [state.lost] : [])]
  return all.map(({ from, to }) => ({ start: parseLsn(from), end: parseLsn(to) }))
}

function reached(state: WalState | undefined, target: TargetId): bigint | undefined {
  const at = state?.targets[target]
  return at && parseLsn(at.lsn)
}

function late({ state, target, flushEveryMs, graceMs, nowMs }: WalQuestion): { late?: true } {
  const upTo: Moment | undefined = state?.targets[target.targetId]?.at ?? state?.safe.at
  return upTo !== undefined && nowMs - Date.parse(upTo) > flushEveryMs + graceMs ? { late: true } : {}
}

function audited(status: WalStatus, { start, end }: Span): AuditedRange {
  return { status, start: formatLsn(start), end: formatLsn(end), bytes: Number(end - start) }
}

/** Neighbours of which the same is said become one. */
function joined(sorted: readonly AuditedRange[]): AuditedRange[] {
  const all: AuditedRange[] = []
  for (const range of sorted) {
    const last = all.at(-1)
    if (last && last.end === range.start && sameSaid(last, range))
      all[all.length - 1] = { ...last, end: range.end, bytes: last.bytes + range.bytes }
    else all.push(range)
  }
  return all
}

function sameSaid(a: AuditedRange, b: AuditedRange): boolean {
  return a.status === b.status && a.late === b.late && a.bridged === b.bridged && String(a.at) === String(b.at)
}

/** By timeline, as unions. */
function spansByTimeline(objects: readonly WalObject[], segmentBytes: number): Map<Timeline, Span[]> {
  const found = objects.flatMap((object) => rangeOf(object, segmentBytes) ?? [])
  return new Map(
    [...Map.groupBy(found, ({ timeline }) => timeline)].map(([timeline, spans]) => [timeline, union(spans)]),
  )
}

function conflictsIn(objects: readonly WalObject[]): { timeline: Timeline; conflict: WalConflict }[] {
  return [...Map.groupBy(objects, placeOf)].flatMap(([object, same]) => {
    const digests = [...new Set(same.map(({ digest }) => digest))].sort()
    const [first] = same
    return digests.length < 2 || first === undefined
      ? []
      : [{ timeline: timelineOf(first), conflict: { object, digests } }]
  })
}

function placeOf(object: WalObject): string {
  if (object.kind === 'history') return `history of timeline ${object.timeline}`
  return object.kind === 'segment' ? object.segment : `${object.segment} bytes ${object.from} to ${object.to}`
}

function verdictOf(timelines: readonly TimelineAudit[]): WalVerdict {
  const all = timelines.flatMap(({ ranges, history }) => [...ranges, ...(history ? [history] : [])])
  if (all.some(({ status, bridged }) => status === 'lost' && !bridged)) return 'lost'
  if (all.some(({ status }) => status === 'missing') || timelines.some(({ conflicts }) => conflicts.length > 0))
    return 'missing'
  return timelines.some(({ ranges }) => ranges.some(({ late }) => late)) ? 'behind' : 'whole'
}
