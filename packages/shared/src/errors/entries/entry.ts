export interface CatalogueEntry {
  /** Constant sentence: logs and incidents group by it. */
  readonly title: string
  /** The next thing to look at, in the operator's words. */
  readonly hint: string
  readonly retry: 'now' | 'later' | 'never'
  readonly level: 'error' | 'warn' | 'info'
  /** Longest pause before another try, milliseconds; default five minutes. */
  readonly pauseMs?: number
  /** The first pause before it is tried again, where a second would be long; each further one is twice as long. */
  readonly firstPauseMs?: number
}
