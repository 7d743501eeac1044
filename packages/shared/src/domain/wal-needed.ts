import { parseLsn, type Timeline, type WalState } from './wal.ts'
import { order, type Span } from './wal-spans.ts'

/** Where one timeline left another. */
export interface Branch {
  timeline: Timeline
  parent: Timeline
  at: bigint
}

interface Question {
  /** All WAL any listed target holds, by timeline, as unions. */
  known: ReadonlyMap<Timeline, readonly Span[]>
  branches: readonly Branch[]
  state?: WalState | undefined
  bases: readonly BasePoint[]
}

/** Where recovery may begin. */
export interface BasePoint {
  timeline: Timeline
  lsn: bigint
}

/**
 * What recovery from the oldest base to now reads of each timeline: along the ancestors of the present one, each up to where the next one left it.
 * A base on an abandoned timeline leads nowhere; where no other is, all WAL there is counts.
 */
export function neededSpans(question: Question): Map<Timeline, Span> {
  const path = pathOf(question)
  const onPath = (base: BasePoint) =>
    path.findIndex(({ timeline, end }) => timeline === base.timeline && base.lsn <= end)
  const begin = question.bases.find((base) => onPath(base) >= 0)
  const from = begin ? onPath(begin) : -1
  const spans = path.slice(Math.max(from, 0)).map(({ timeline, start, end }, i): [Timeline, Span] => {
    const first = i === 0 && from >= 0 && begin ? begin.lsn : start
    return [timeline, { start: first, end }]
  })
  return new Map(spans.filter(([, { start, end }]) => start < end))
}

interface Stage extends Span {
  timeline: Timeline
}

/** Oldest first. */
function pathOf(question: Question): Stage[] {
  const { known, state } = question
  const newest = state?.timeline ?? Math.max(0, ...known.keys())
  const path: Stage[] = []
  let timeline: Timeline | undefined = newest === 0 ? undefined : newest
  let end = latest([endOf(question, newest), ...(state ? [parseLsn(state.serverLsn)] : [])])
  while (timeline !== undefined && path.every((stage) => stage.timeline !== timeline)) {
    const branch = branchOf(timeline, question)
    path.unshift({ timeline, start: branch?.at ?? known.get(timeline)?.[0]?.start ?? end, end })
    timeline = branch?.parent
    end = branch?.at ?? end
  }
  return path
}

/** Without a history the parent is the timeline before, left where the first WAL of this one begins. */
function branchOf(timeline: Timeline, question: Question): Branch | undefined {
  const told = question.branches.find((branch) => branch.timeline === timeline)
  if (told) return told
  const parent = [...question.known.keys()].filter((other) => other < timeline).sort((a, b) => b - a)[0]
  if (parent === undefined) return undefined
  return { timeline, parent, at: question.known.get(timeline)?.[0]?.start ?? endOf(question, parent) }
}

function endOf({ known }: Question, timeline: Timeline): bigint {
  return known.get(timeline)?.at(-1)?.end ?? 0n
}

function latest(places: readonly bigint[]): bigint {
  return [...places].sort(order).at(-1) ?? 0n
}
