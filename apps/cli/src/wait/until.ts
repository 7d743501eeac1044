/** Fires on Ctrl-C or when the time is up, and knows which. */
export function until(
  interrupt: AbortSignal,
  timeoutMs: number | undefined,
): { signal: AbortSignal; why(): 'interrupted' | 'timeout' } {
  const timeout = timeoutMs === undefined ? undefined : AbortSignal.timeout(timeoutMs)
  const signal = timeout ? AbortSignal.any([interrupt, timeout]) : interrupt
  return { signal, why: () => (interrupt.aborted ? 'interrupted' : 'timeout') }
}
