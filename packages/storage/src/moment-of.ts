/** A time as HTTP writes it; undefined for what is none. */
export function momentOf(text: string | null | undefined): string | undefined {
  const ms = Date.parse(text ?? '')
  return Number.isNaN(ms) ? undefined : new Date(ms).toISOString()
}
