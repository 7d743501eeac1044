import { randomBytes } from 'node:crypto'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Target } from '../target.ts'
import { LIST_CASES } from './list-cases.ts'
import { PUT_CASES } from './put-cases.ts'
import { READ_CASES } from './read-cases.ts'
import type { CaseRoom, TargetCase } from './target-case.ts'

/** The Target contract, sentence by sentence. Every kind and every layer passes them; so must an operator's bucket. */
export const TARGET_CASES: readonly TargetCase[] = [...PUT_CASES, ...READ_CASES, ...LIST_CASES]

/** Cases work below this key, each in a room of its own, so they may run beside real backups. */
export const CASES_PREFIX = 'lifeboat-check/'

const CASE_BUDGET_MS = 60_000

/** Why a case is not asked of this target; undefined when it is. */
export function notAsked(target: Target, { needs }: TargetCase, lock: CaseRoom['lock']): string | undefined {
  if (needs === undefined) return undefined
  if (!target.abilities[needs]) return `the target does not offer ${needs}`
  return needs === 'immutability' && lock === undefined ? 'nothing here can lock an object' : undefined
}

/**
 * Runs one case in a fresh room and removes whatever it left there, whether it held or not.
 *
 * @throws what the case found (an AssertionError, as a rule), or RUN_OVERDUE after a minute
 */
export async function runCase(
  target: Target,
  { check }: TargetCase,
  opts: { signal: AbortSignal; lock?: CaseRoom['lock'] },
): Promise<void> {
  const prefix = `${CASES_PREFIX}${randomBytes(8).toString('hex')}/`
  const overdue = new AbortController()
  const timer = setTimeout(
    () => overdue.abort(new LifeboatError('RUN_OVERDUE', { allowedMs: CASE_BUDGET_MS })),
    CASE_BUDGET_MS,
  )
  const signal = AbortSignal.any([opts.signal, overdue.signal])
  try {
    await check(target, { prefix, signal, ...(opts.lock && { lock: opts.lock }) })
  } finally {
    clearTimeout(timer)
    await tidy(target, prefix, opts.signal)
  }
}

/** Locked objects stay: that is what their case proves. So do all where the credentials may add but not remove, as an uploader's should. */
async function tidy(target: Target, prefix: string, signal: AbortSignal): Promise<void> {
  for await (const { key } of target.list(prefix, { signal })) {
    await target.remove(key, { signal }).catch((err: unknown) => {
      if (!LifeboatError.is(err, 'TARGET_HELD') && !LifeboatError.is(err, 'TARGET_REFUSED')) throw err
    })
  }
}
