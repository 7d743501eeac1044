/** `2026-09-26T10:00Z`: what moves by the second would write an open incident anew at every look. */
export function minuteOf(at: string): string {
  return `${at.slice(0, 16)}Z`
}
