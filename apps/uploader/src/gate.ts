import { setTimeout as sleep } from 'node:timers/promises'
import type { TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { ErrorCode } from '@lifeboat/shared/errors/catalogue.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Logger } from '@lifeboat/shared/log/logger.ts'
import { orAborted } from '@lifeboat/shared/run/or-aborted.ts'

/** Failures that say something about the whole target rather than about one object. */
const ABOUT_TARGET: readonly ErrorCode[] = [
  'TARGET_UNREACHABLE',
  'TARGET_REFUSED',
  'TARGET_MISSING',
  'TARGET_UNMARKED',
  'TARGET_FULL',
]
const FAILURES_TO_CLOSE = 3

/** Lets work through to a target, and holds it back while the target is away. */
export interface TargetGate {
  readonly away: boolean
  /**
   * Waits while the target is away, then does the work. While it is away one piece of work at a time is let through, to find out whether it
   * is back; the rest waits here without touching target or bus.
   */
  through<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T>
  /** Hears of what broke otherwise, as a listing does long after it began. */
  broke(thrown: unknown): void
}

export interface GatePauses {
  firstMs: number
  longestMs: number
}

/** Closes after three failures in a row; then tries the target after one second, two, four … up to a minute. */
export function openGate(
  targetId: TargetId,
  log: Logger,
  { firstMs, longestMs }: GatePauses = { firstMs: 1000, longestMs: 60_000 },
): TargetGate {
  let failures = 0
  let openAgainAt = 0
  let probing: Promise<void> | undefined
  const isAway = () => failures >= FAILURES_TO_CLOSE

  const failed = (err: LifeboatError) => {
    failures++
    if (!isAway()) return
    const pauseMs = Math.min(firstMs * 2 ** (failures - FAILURES_TO_CLOSE), longestMs)
    openAgainAt = performance.now() + pauseMs
    if (failures === FAILURES_TO_CLOSE)
      log.warn({ event: 'target.away', targetId, err, pauseMs }, 'the target is away; its work waits')
  }
  const succeeded = () => {
    if (isAway()) log.info({ event: 'target.back', targetId }, 'the target is back')
    failures = 0
  }
  const attempt = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      const value = await work()
      succeeded()
      return value
    } catch (thrown) {
      broke(thrown)
      throw thrown
    }
  }
  const broke = (thrown: unknown) => {
    if (thrown instanceof LifeboatError && ABOUT_TARGET.includes(thrown.code)) failed(thrown)
  }
  return {
    broke,
    get away() {
      return isAway()
    },
    async through(signal, work) {
      while (isAway()) {
        const wait = probing ?? pause(openAgainAt - performance.now(), signal)
        await orAborted(wait, signal)
        if (!isAway() || probing !== undefined || performance.now() < openAgainAt) continue
        const probe = attempt(work)
        probing = probe.then(ignore, ignore).finally(() => {
          probing = undefined
        })
        return await probe
      }
      return attempt(work)
    },
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(Math.max(ms, 0), undefined, { signal }).catch(() => signal.throwIfAborted())
}

function ignore(): void {}
