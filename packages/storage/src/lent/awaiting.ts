/** Waits longer than a few tries for whoever is expected back, as a service is that somebody restarts. May be shared by all that asks. */
export interface Awaiting {
  /** Asked after a failure: whether it was that, and there is time left. */
  goesOn(thrown: unknown): boolean
  /** Told of every answer. */
  answered(): void
}
