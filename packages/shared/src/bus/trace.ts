import { AsyncLocalStorage } from 'node:async_hooks'
import { randomBytes } from 'node:crypto'
import { trace } from '@opentelemetry/api'

const handled = new AsyncLocalStorage<string>()

/** Whatever `work` publishes belongs to the trace of the message it handles. */
export function withinTrace<T>(traceparent: string | undefined, work: () => Promise<T>): Promise<T> {
  return traceparent === undefined ? work() : handled.run(traceparent, work)
}

/**
 * The W3C trace context a new message carries: that of the active OpenTelemetry span, else a child of the message being handled, else a new trace.
 *
 * @see https://www.w3.org/TR/trace-context/#traceparent-header
 */
export function nextTraceparent(): string {
  const span = trace.getActiveSpan()?.spanContext()
  if (span) return `00-${span.traceId}-${span.spanId}-${span.traceFlags.toString(16).padStart(2, '0')}`
  const traceId = handled.getStore()?.split('-')[1] ?? randomBytes(16).toString('hex')
  return `00-${traceId}-${randomBytes(8).toString('hex')}-01`
}
