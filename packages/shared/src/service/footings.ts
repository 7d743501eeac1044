import { setTimeout as sleep } from 'node:timers/promises'
import { type Footing, footingKey } from '../domain/footing.ts'
import { moment } from '../domain/ids.ts'
import { reportOf } from '../errors/error-report.ts'
import { LifeboatError } from '../errors/lifeboat-error.ts'
import type { Logger } from '../log/logger.ts'
import { firstToFire } from '../run/first-to-fire.ts'
import type { Turns } from '../run/turns.ts'
import { within } from '../run/within.ts'

/** What does not hold is looked at again so soon that whoever mends it sees it. */
const LOOK_AGAIN_MS = 15_000
/** Longer than all the logins and requests of one look take to be given up. */
const HANGS_AFTER_MS = 2 * 60_000

type Pause = (ms: number, signal: AbortSignal) => Promise<unknown>

export type FootingName = Pick<Footing, 'part' | 'name'>

export interface HowToLook {
  everyMs: number
  /** Those that share them look in turns; one that hangs gives its turn up. Default: whenever it is due. */
  turns?: Pick<Turns, 'take'>
  log: Logger
  signal: AbortSignal
}

/** What a process stands on, as it found it last; told with its presence. */
export class Footings {
  readonly #known = new Map<string, Footing>()
  readonly #pause: Pause
  /** Ends the waiting for the next look. */
  readonly #hurry = new Map<string, () => void>()
  /** What something came through for since a look at it began: that look may have begun too early. */
  readonly #again = new Set<string>()

  constructor(pause: Pause = (ms, signal) => sleep(ms, undefined, { signal })) {
    this.#pause = pause
  }

  all(): Footing[] {
    return [...this.#known.values()]
  }

  /** Something went well that needs it: one that did not hold is looked at now, and not when it is due. */
  lookNow(name: FootingName): void {
    const key = footingKey(name)
    if (this.#known.get(key)?.error === undefined) return
    this.#again.add(key)
    this.#hurry.get(key)?.()
  }

  /**
   * Looks at one footing until the signal fires: every `everyMs`, sooner while it does not hold and no login was refused. What does not is logged once, when it begins.
   * Never rejects, and ends when the look that is under way does: nobody should wait for it.
   *
   * @param look throws what a run that needs it would
   */
  async keepLooking(
    { part, name }: FootingName,
    look: (signal: AbortSignal) => Promise<void>,
    { everyMs, turns, log, signal }: HowToLook,
  ): Promise<void> {
    while (!signal.aborted) {
      using turn = await turns?.take(signal).catch(nothing)
      if (signal.aborted) return
      this.#again.delete(footingKey({ part, name }))
      const answer = look(signal).then(nothing, LifeboatError.from)
      // One that hangs may hold a thread for good: it is told of, and none is begun beside it.
      while (!(await within(HANGS_AFTER_MS, answer))) {
        if (signal.aborted) return
        turn?.[Symbol.dispose]()
        this.#note({ part, name }, new LifeboatError('FOOTING_HANGS', { part, name }), log)
      }
      const err = await answer
      turn?.[Symbol.dispose]()
      if (signal.aborted) return
      this.#note({ part, name }, err, log)
      if (err && this.#again.has(footingKey({ part, name }))) continue
      const soon = err && !wasTurnedAway(err)
      await this.#rest({ part, name }, soon ? Math.min(LOOK_AGAIN_MS, everyMs) : everyMs, signal)
    }
  }

  async #rest(name: FootingName, ms: number, signal: AbortSignal): Promise<void> {
    const early = new AbortController()
    using until = firstToFire([signal, early.signal])
    this.#hurry.set(footingKey(name), () => early.abort())
    await this.#pause(ms, until.signal).catch(nothing)
    this.#hurry.delete(footingKey(name))
  }

  #note({ part, name }: FootingName, err: LifeboatError | undefined, log: Logger): void {
    const key = footingKey({ part, name })
    const at = moment(Date.now())
    const before = this.#known.get(key)
    const isAsBefore = before !== undefined && (before.error === undefined) === (err === undefined)
    const since = isAsBefore ? before.since : at
    this.#known.set(key, { part, name, at, since, ...(err && { error: reportOf(err) }) })
    if (err && err.code !== before?.error?.code)
      log[err.level]({ event: 'footing.lost', part, name, err }, 'something this service stands on does not hold')
    if (!err && before?.error) log.info({ event: 'footing.regained', part, name }, 'it holds again')
  }
}

/** Each wrong login counts: a few a minute lock the account for what else logs in with it, or have a firewall shut us out. */
export function wasTurnedAway({ code, facts }: LifeboatError): boolean {
  return code === 'SOURCE_AUTH_REFUSED' || (code === 'ALERT_NOT_SENT' && Number(facts.responseCode) >= 500)
}

function nothing(): undefined {}
