import { LifeboatError } from '../errors/lifeboat-error.ts'

/**
 * A signal that fires RUN_OVERDUE when the time is up; disposing it lets the timer go.
 *
 * @param ms milliseconds from now; zero or less fires at once
 */
export function deadline(ms: number): { signal: AbortSignal } & Disposable {
  const controller = new AbortController()
  const overdue = () => controller.abort(new LifeboatError('RUN_OVERDUE', { allowedMs: ms }))
  if (ms <= 0) overdue()
  // setTimeout holds 31 bits of milliseconds; a longer deadline outlives any process anyway.
  const timer = ms <= 0 ? undefined : setTimeout(overdue, Math.min(ms, 2_147_483_647)).unref()
  return { signal: controller.signal, [Symbol.dispose]: () => clearTimeout(timer) }
}
