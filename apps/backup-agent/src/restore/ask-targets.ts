import type { TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { PassedOver } from '@lifeboat/shared/domain/restore.ts'
import { reportOf } from '@lifeboat/shared/errors/error-report.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { firstToFire } from '@lifeboat/shared/run/first-to-fire.ts'
import type { Awaiting } from '@lifeboat/storage/lent/awaiting.ts'

export interface Asked<A> {
  answer: A
  /** Which could not help, and why. */
  passedOver: PassedOver[]
}

export interface AskOptions {
  signal: AbortSignal
  /** One that takes longer is passed over as long as another can help. Default: each has all the time it needs. */
  patienceMs?: number | undefined
  /** Default: an uploader that does not answer is not waited for. */
  awaiting?: Awaiting | undefined
  /** Told when the waiting for a target begins, and when it ends. */
  onWait?: ((targetId: TargetId, isBegun: boolean) => void) | undefined
}

type Ask<A> = (targetId: TargetId, signal: AbortSignal) => Promise<A>

/** The answer of the first target that can help. @throws LifeboatError what the first one said, when none can */
export async function askInTurn<A>(targets: readonly TargetId[], ask: Ask<A>, opts: AskOptions): Promise<Asked<A>> {
  const passedOver: PassedOver[] = []
  for (const [no, targetId] of targets.entries()) {
    const impatience = new AbortController()
    const isLast = no === targets.length - 1
    const timer = isLast ? undefined : startTimer(opts, () => impatience.abort())
    const told = await hear(targetId, ask, opts, impatience.signal).finally(() => clearTimeout(timer))
    if ('answer' in told) return { answer: told.answer, passedOver }
    passedOver.push(told)
  }
  throw noneCanHelp(targets, passedOver)
}

/**
 * The best answer of all targets, who are asked at the same time; of equal ones that of the first.
 *
 * @throws LifeboatError what the first one said, when none can help
 */
export async function askAll<A>(
  targets: readonly TargetId[],
  ask: Ask<A>,
  isBetter: (one: A, than: A) => boolean,
  opts: AskOptions,
): Promise<Asked<A>> {
  const impatience = new AbortController()
  const reached = { time: false, help: false }
  const reach = (what: keyof typeof reached) => {
    reached[what] = true
    if (reached.time && reached.help) impatience.abort()
  }
  const timer = startTimer(opts, () => reach('time'))
  try {
    const all = await Promise.all(
      targets.map(async (targetId) => {
        const told = await hear(targetId, ask, opts, impatience.signal)
        if ('answer' in told) reach('help')
        return told
      }),
    )
    const passedOver = all.filter((told) => 'error' in told)
    const [first, ...others] = all.filter((told) => 'answer' in told)
    if (!first) throw noneCanHelp(targets, passedOver)
    const best = others.reduce((best, { answer }) => (isBetter(answer, best) ? answer : best), first.answer)
    return { answer: best, passedOver }
  } finally {
    clearTimeout(timer)
    impatience.abort()
  }
}

function startTimer({ patienceMs }: AskOptions, then: () => void): NodeJS.Timeout | undefined {
  return patienceMs === undefined ? undefined : setTimeout(then, patienceMs)
}

/** What becomes of one target; also of one that does not even hear that nobody waits any more. */
async function hear<A>(
  targetId: TargetId,
  ask: Ask<A>,
  { signal, patienceMs, onWait }: AskOptions,
  impatience: AbortSignal,
): Promise<{ answer: A } | PassedOver> {
  signal.throwIfAborted()
  using either = firstToFire([signal, impatience])
  const left = Promise.withResolvers<never>()
  either.signal.addEventListener('abort', () => left.reject(either.signal.reason), { once: true })
  onWait?.(targetId, true)
  try {
    return { answer: await Promise.race([ask(targetId, either.signal), left.promise]) }
  } catch (thrown) {
    signal.throwIfAborted()
    const err = impatience.aborted
      ? new LifeboatError('TARGET_UNREACHABLE', { targetId, waitedMs: patienceMs })
      : LifeboatError.from(thrown)
    if (err.code === 'INTERNAL') throw err
    return { targetId, error: reportOf(err) }
  } finally {
    onWait?.(targetId, false)
  }
}

function noneCanHelp(targets: readonly TargetId[], passedOver: readonly PassedOver[]): LifeboatError {
  const [first, ...others] = passedOver
  if (!first) return new LifeboatError('TARGET_UNKNOWN', { targets })
  const said = others.map(({ targetId, error }) => `${targetId}: ${error.code}`)
  return new LifeboatError(first.error.code, {
    targetId: first.targetId,
    ...first.error.facts,
    ...(said.length > 0 && { others: said }),
  })
}
