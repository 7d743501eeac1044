import { AssertionError } from 'node:assert/strict'
import { type ErrorReport, LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Target } from '../target.ts'
import { CASES_PREFIX, notAsked, runCase, TARGET_CASES } from './cases.ts'
import type { TargetCase } from './target-case.ts'

/** What became of one sentence of the contract. */
export interface CaseFinding {
  name: string
  clause: TargetCase['clause']
  outcome: 'held' | 'broken' | 'not-asked'
  durationMs: number
  /** What came instead, or why it was not asked. */
  detail?: string
  /** For a broken one: the next thing to look at. */
  hint?: string
  error?: ErrorReport
}

export interface TargetFinding {
  /** Whether backups may be entrusted to this target. */
  fit: boolean
  cases: CaseFinding[]
  /** Objects of this or earlier checks that could not be removed again, for want of the right or under a lock. */
  leftBehind: number
}

/** What a broken clause would do to backups, for findings no error of the catalogue explains. */
const HINTS: Record<TargetCase['clause'], string> = {
  put: 'Backups could be overwritten, damaged or left half here: look for a proxy or gateway that changes requests, else use another store.',
  get: 'A restore could read wrong or missing bytes: look for a cache or gateway in between, else use another store.',
  stat: 'What was stored could be taken for missing, or the other way round: look for a cache in between, else use another store.',
  list: 'Backups could be overlooked: look for a gateway that lists late or in another order, else use another store.',
  remove:
    'Expiry could not work, or could remove what is locked: compare the rights of the credentials with docs/targets.md.',
}

/**
 * Asks a target every case of the contract, one after the other, below `lifeboat-check/`; real backups beside it are not touched.
 *
 * @param opts.onCase hears of each finding as soon as it is there
 * @throws LifeboatError TARGET_UNREACHABLE | TARGET_MISSING when there is nothing to ask; the signal's reason on abort
 */
export async function checkTarget(
  target: Target,
  { signal, onCase }: { signal: AbortSignal; onCase?: (finding: CaseFinding, asked: number, all: number) => void },
): Promise<TargetFinding> {
  await demandAnswer(target, signal)
  const cases: CaseFinding[] = []
  for (const each of TARGET_CASES) {
    const finding = await findingOf(target, each, signal)
    signal.throwIfAborted()
    cases.push(finding)
    onCase?.(finding, cases.length, TARGET_CASES.length)
  }
  const fit = cases.every(({ outcome }) => outcome !== 'broken')
  return { fit, cases, leftBehind: await countLeftBehind(target, signal) }
}

/** Missing rights are left to the cases: they show which operation lacks them. */
async function demandAnswer(target: Target, signal: AbortSignal): Promise<void> {
  try {
    await target.stat(`${CASES_PREFIX}nothing`, { signal })
  } catch (thrown) {
    if (!LifeboatError.is(thrown, 'TARGET_REFUSED')) throw thrown
  }
}

async function findingOf(target: Target, each: TargetCase, signal: AbortSignal): Promise<CaseFinding> {
  const { name, clause } = each
  const reason = notAsked(target, each, undefined)
  if (reason !== undefined) return { name, clause, outcome: 'not-asked', durationMs: 0, detail: reason }
  const began = performance.now()
  const took = () => Math.round(performance.now() - began)
  try {
    await runCase(target, each, { signal })
    return { name, clause, outcome: 'held', durationMs: took() }
  } catch (thrown) {
    return { name, clause, outcome: 'broken', durationMs: took(), ...explain(thrown, clause) }
  }
}

function explain(thrown: unknown, clause: TargetCase['clause']): Pick<CaseFinding, 'detail' | 'hint' | 'error'> {
  if (thrown instanceof AssertionError) return { detail: inOneLine(thrown.message), hint: HINTS[clause] }
  const error = LifeboatError.from(thrown)
  return { detail: error.title, hint: error.hint, error: error.toReport() }
}

/** An assertion draws its comparison over many lines; the first says what was compared, the rest how they differ. */
function inOneLine(message: string): string {
  return message
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .slice(0, 6)
    .join(' ')
}

async function countLeftBehind(target: Target, signal: AbortSignal): Promise<number> {
  let count = 0
  try {
    for await (const _ of target.list(CASES_PREFIX, { signal })) count++
  } catch (thrown) {
    signal.throwIfAborted()
    if (!LifeboatError.is(thrown, 'TARGET_REFUSED')) throw thrown
  }
  return count
}
