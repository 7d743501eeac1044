/** Maps with up to `ahead` calls under way, in order; the next item is taken only when there is room. */
export async function* mapAhead<T, R>(
  items: AsyncIterable<T>,
  ahead: number,
  map: (item: T) => Promise<R>,
): AsyncGenerator<R> {
  const under: Promise<R>[] = []
  for await (const item of items) {
    const result = map(item)
    // Its failure is met when its turn comes; until then it must not count as unhandled.
    result.catch(() => {})
    under.push(result)
    if (under.length >= ahead) yield await (under.shift() as Promise<R>)
  }
  for (const result of under) yield await result
}
