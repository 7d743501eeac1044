/** Does all of them, at most `width` at a time, and rejects with the first failure after the others ended. */
export async function inParallel<T>(
  items: readonly T[],
  width: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const queue = items.values()
  const lane = async () => {
    for (const item of queue) await work(item)
  }
  const lanes = await Promise.allSettled(Array.from({ length: Math.min(width, items.length) }, lane))
  const broken = lanes.find((end) => end.status === 'rejected')
  if (broken) throw broken.reason
}
