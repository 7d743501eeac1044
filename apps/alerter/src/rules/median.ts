/** undefined for fewer than two values: one backup is no habit. */
export function median(values: readonly number[]): number | undefined {
  if (values.length < 2) return undefined
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  const [low = 0, high = 0] = [sorted[Math.ceil(sorted.length / 2) - 1], sorted[middle]]
  return (low + high) / 2
}
