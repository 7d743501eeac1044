import type { CheckResult, Evidence, WalFinding } from '@lifeboat/shared/domain/drill.ts'
import type { ErrorCode } from '@lifeboat/shared/errors/catalogue.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'

export type Check = CheckResult['check']
/** `detail` is one sentence with the numbers. */
export type Answer = Pick<CheckResult, 'answer' | 'detail'>

/** The question could not be answered well, so what would follow need not be asked. What was found so far stands in the findings. */
export class DrillEnded extends Error {}

/** Errors that speak against what was asked about, the copy or the WAL behind it; any other says that the drill could not look. */
const AGAINST_IT: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'MANIFEST_MISSING',
  'MANIFEST_TAMPERED',
  'ARTIFACT_TRUNCATED',
  'ARTIFACT_DIGEST_MISMATCH',
  'ARTIFACT_PART_MISSING',
  'ARTIFACT_SURPLUS_PART',
  'ARTIFACT_UNREADABLE',
  'DRILL_RESTORE_FAILED',
  'RECOVERY_PARENT_MISSING',
  'RECOVERY_FILES_DAMAGED',
  'RECOVERY_COMBINE_FAILED',
  'RECOVERY_REFUSED',
  'RECOVERY_ENDED_EARLY',
  'RECOVERY_IN_GAP',
  'WAL_MISSING',
  'WAL_DAMAGED',
  'WAL_FOREIGN',
  'WAL_AMBIGUOUS',
])

/** Collects the answers of one drill in the order they were asked, and the time each phase took. */
export interface Findings {
  readonly checks: CheckResult[]
  readonly phases: Record<string, number>
  bytesFetched: number
  firstByteAt?: number
  firstAnswerAt?: number
  /** Where the way through the WAL archive broke off. */
  walBroke?: Pick<WalFinding, 'segment' | 'reached'>
  /** Where the recovery of a physical backup ended. */
  recovered?: NonNullable<Evidence['recovered']>
  /** The last error that kept a question from being asked. */
  trouble?: LifeboatError
  /**
   * Asks a question that all later ones rest on. What it throws becomes its answer: `failed` when it speaks against the copy, `unable` otherwise.
   *
   * @throws DrillEnded when the answer is failed or unable; the reason of an aborted signal as it is
   */
  ask<T>(about: About, question: () => Promise<Asked<T>>): Promise<T>
  /** Asks a question that others do not rest on. @throws the reason of an aborted signal, nothing else */
  askAlso(about: About, question: () => Promise<Answer>): Promise<void>
  /**
   * Asks a question that has another way round it, if what it throws is such.
   *
   * @param wayRound given what it threw; whether the drill goes on without an answer
   * @throws DrillEnded when there is no way round; the reason of an aborted signal as it is
   */
  askOrElse<T>(
    about: About,
    question: () => Promise<Asked<T>>,
    wayRound: (err: LifeboatError) => boolean,
  ): Promise<T | undefined>
  /** Notes that a question could not be asked because of this; also after an abort. */
  unable(about: About, err: LifeboatError): void
  /** Runs a phase and adds its time to the others of its name. */
  during<T>(phase: string, work: () => Promise<T>): Promise<T>
}

export type Asked<T> = Answer & { value: T }

export interface About {
  check: Check
  /** The assertion's own name, or what part of the copy was asked about. */
  subject?: string
}

export function collectFindings(signal: AbortSignal, now: () => number = Date.now): Findings {
  const findings: Findings = { checks: [], phases: {}, bytesFetched: 0, ask, askAlso, askOrElse, unable, during }
  return findings

  async function ask<T>(about: About, question: () => Promise<Asked<T>>): Promise<T> {
    const { asked } = await answered(about, question)
    if (asked === undefined || asked.answer === 'failed' || asked.answer === 'unable') throw new DrillEnded()
    return asked.value
  }

  async function askAlso(about: About, question: () => Promise<Answer>): Promise<void> {
    await answered(about, question)
  }

  async function askOrElse<T>(
    about: About,
    question: () => Promise<Asked<T>>,
    wayRound: (err: LifeboatError) => boolean,
  ): Promise<T | undefined> {
    const troubleBefore = findings.trouble
    const { asked, err } = await answered(about, question)
    if (err === undefined) return asked?.value
    if (!wayRound(err)) throw new DrillEnded()
    if (troubleBefore) findings.trouble = troubleBefore
    else delete findings.trouble
    return undefined
  }

  async function answered<A extends Answer>(
    about: About,
    question: () => Promise<A>,
  ): Promise<{ asked?: A; err?: LifeboatError }> {
    const begun = now()
    const note = ({ answer, detail }: Answer, error?: CheckResult['error']) => {
      const durationMs = Math.max(0, Math.round(now() - begun))
      findings.checks.push({ ...about, answer, detail, durationMs, ...(error && { error }) })
    }
    try {
      const asked = await question()
      note(asked)
      return { asked }
    } catch (thrown) {
      signal.throwIfAborted()
      const err = LifeboatError.from(thrown)
      const against = AGAINST_IT.has(err.code)
      if (!against) findings.trouble = err
      note({ answer: against ? 'failed' : 'unable', detail: sentenceOf(err) }, err.toReport() as CheckResult['error'])
      return { err }
    }
  }

  function unable(about: About, err: LifeboatError): void {
    findings.trouble = err
    const error = err.toReport() as NonNullable<CheckResult['error']>
    findings.checks.push({ ...about, answer: 'unable', detail: sentenceOf(err), durationMs: 0, error })
  }

  async function during<T>(phase: string, work: () => Promise<T>): Promise<T> {
    const begun = now()
    try {
      return await work()
    } finally {
      findings.phases[phase] = Math.round((findings.phases[phase] ?? 0) + Math.max(0, now() - begun))
    }
  }
}

/** Title first, then what tells this case from others of its kind: the program's own words above all. */
function sentenceOf(err: LifeboatError): string {
  const told = ['problem', 'tool', 'segment', 'key', 'artifact', 'part', 'package', 'reaches', 'message'] as const
  const facts = told.flatMap((name) => (err.facts[name] === undefined ? [] : [`${name} ${String(err.facts[name])}`]))
  const said = /^.*error:.*$/im.exec(String(err.facts.stderr ?? ''))?.[0].trim()
  const all = [...facts, ...(said === undefined ? [] : [said])]
  return all.length === 0 ? `${err.title}.` : `${err.title} (${all.join(', ')}).`
}

export const passed = (detail: string): Answer => ({ answer: 'passed', detail })
export const failed = (detail: string): Answer => ({ answer: 'failed', detail })
export const skipped = (detail: string): Answer => ({ answer: 'skipped', detail })
