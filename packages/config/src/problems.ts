import type { Path, Position } from './yaml-source.ts'

export type Severity = 'error' | 'warning'

/** Something about a place in the file, found by one rule; where that place is, the reader of the file knows. */
export interface Finding {
  severity: Severity
  path: Path
  /** Points at the name before the colon instead of the value behind it. */
  at?: 'key' | 'value'
  message: string
  hint?: string
}

/** One thing wrong with the configuration, as an operator reads it. */
export interface Problem {
  severity: Severity
  file: string
  line: number
  column: number
  /** `policies.daily.targets[1]` */
  path: string
  message: string
  hint?: string
}

export function locate(finding: Finding, file: string, position: Position): Problem {
  return {
    severity: finding.severity,
    file,
    ...position,
    path: pathText(finding.path),
    message: finding.message,
    ...(finding.hint === undefined ? {} : { hint: finding.hint }),
  }
}

export function pathText(path: Path): string {
  return path.map((step, i) => (typeof step === 'number' ? `[${step}]` : i === 0 ? step : `.${step}`)).join('')
}

/** `lifeboat.yaml:12:5 policies.daily.targets[1]: no target is called aws2. Did you mean aws?` */
export function problemLine(problem: Problem): string {
  const place = `${problem.file}:${problem.line}:${problem.column}`
  const subject = problem.path === '' ? '' : ` ${problem.path}:`
  const sentence = /[.?!]$/.test(problem.message) ? problem.message : `${problem.message}.`
  return `${place}${subject} ${sentence}${problem.hint ? ` ${problem.hint}` : ''}`
}

export function inFileOrder(problems: readonly Problem[]): Problem[] {
  return [...problems].sort((a, b) => a.line - b.line || a.column - b.column || a.message.localeCompare(b.message))
}
