import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { wasTurnedAway } from '@lifeboat/shared/service/footings.ts'

/** For so long nobody knocks again where a login was refused. */
const SHUT_MS = 60_000

/** A server may let in who asks it and not who streams from it. */
export type Entrance = 'session' | 'stream'

/**
 * Where everybody who keeps the WAL of one source logs in. Each has a pace of its own, down to two seconds; behind a login that was refused one of them tries once a
 * minute, and the others are told what it was told.
 */
export class Door {
  readonly #refused = new Map<Entrance, { err: LifeboatError; atMs: number }>()
  readonly #clockMs: () => number

  constructor(clockMs: () => number = () => performance.now()) {
    this.#clockMs = clockMs
  }

  /** @throws LifeboatError why the login came to nothing, this one or the one before */
  async enter<Session>(by: Entrance, logIn: () => Promise<Session>): Promise<Session> {
    const refused = this.#refused.get(by)
    if (refused !== undefined) {
      if (this.#clockMs() - refused.atMs < SHUT_MS) throw refused.err
      // Whoever comes while this one waits for its answer does not try as well.
      refused.atMs = this.#clockMs()
    }
    try {
      const session = await logIn()
      this.#refused.delete(by)
      return session
    } catch (thrown) {
      const err = LifeboatError.from(thrown)
      if (wasTurnedAway(err)) this.#refused.set(by, { err, atMs: this.#clockMs() })
      else this.#refused.delete(by)
      throw err
    }
  }
}
