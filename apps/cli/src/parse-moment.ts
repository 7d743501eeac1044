import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { Duration } from '@lifeboat/shared/time/duration.ts'

/**
 * `2h` (that long ago) or a moment with its offset, `2026-09-26T02:00:00Z`.
 *
 * @returns milliseconds UTC
 * @throws LifeboatError CLI_USAGE – also for a moment without a zone: nobody could tell which one was meant
 */
export function parseMoment(text: string, nowMs: number): number {
  const ago = Duration.safeParse(text)
  if (ago.success) return nowMs - ago.data
  const zoned = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)$/.test(text)
  const ms = zoned ? Date.parse(text.replace(' ', 'T')) : Number.NaN
  if (Number.isNaN(ms))
    throw new LifeboatError('CLI_USAGE', {
      given: text,
      problem: 'not a time: write 90s, 2h, 3d or 2026-09-26T02:00:00Z',
    })
  return ms
}

/** @throws LifeboatError CLI_USAGE */
export function parseDuration(text: string, option: string): number {
  const parsed = Duration.safeParse(text)
  if (!parsed.success)
    throw new LifeboatError('CLI_USAGE', { option, given: text, problem: 'not a length of time: write 90s, 15m or 2h' })
  return parsed.data
}

/** Before anything is asked for: what is wrong with the waiting must not be told behind work that goes on. @throws LifeboatError CLI_USAGE */
export function timeoutMsOf({ timeout }: { timeout?: string | undefined }): number | undefined {
  return timeout === undefined ? undefined : parseDuration(timeout, '--timeout')
}
