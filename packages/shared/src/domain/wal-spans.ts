/** A stretch of the log on one timeline: `start` is in it, `end` is not. */
export interface Span {
  start: bigint
  end: bigint
}

/** The same places, sorted, without overlaps, what touches joined. Empty stretches vanish. */
export function union(spans: readonly Span[]): Span[] {
  const sorted = spans.filter(({ start, end }) => start < end).sort((a, b) => order(a.start, b.start))
  const joined: Span[] = []
  for (const { start, end } of sorted) {
    const last = joined.at(-1)
    if (last === undefined || last.end < start) joined.push({ start, end })
    else if (last.end < end) last.end = end
  }
  return joined
}

/** What of `whole` lies in none of `covered`, which must be a union. */
export function uncovered(whole: Span, covered: readonly Span[]): Span[] {
  const gaps: Span[] = []
  let at = whole.start
  for (const { start, end } of covered) {
    if (end <= at) continue
    if (start >= whole.end) break
    if (start > at) gaps.push({ start: at, end: start })
    at = end
  }
  if (at < whole.end) gaps.push({ start: at, end: whole.end })
  return gaps
}

/** What of the covered places, which must be a union, lies in `whole`. */
export function within(whole: Span, covered: readonly Span[]): Span[] {
  return covered.filter(({ start, end }) => start < whole.end && whole.start < end).map((span) => clip(span, whole))
}

function clip({ start, end }: Span, whole: Span): Span {
  const [, first = start] = [start, whole.start].sort(order)
  const [last = end] = [end, whole.end].sort(order)
  return { start: first, end: last }
}

export function covers(covered: readonly Span[], { start, end }: Span): boolean {
  return covered.some((span) => span.start <= start && end <= span.end)
}

/** The same stretch in pieces, cut at every one of these places that lies inside. */
export function cutAt({ start, end }: Span, places: readonly bigint[]): Span[] {
  const inside = [...new Set(places.filter((place) => start < place && place < end))].sort(order)
  const edges = [start, ...inside, end]
  return edges.slice(1).map((edge, i) => ({ start: edges[i] as bigint, end: edge }))
}

export function order(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0
}
