import type { ErrorReport } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Style } from './style.ts'
import { indent } from './table.ts'

/** Code and title, and indented below them the facts and the next thing to look at. */
export function errorText(report: ErrorReport, style: Style): string {
  const facts = Object.entries(report.facts).filter(([, value]) => value !== undefined)
  const lines = facts.map(([name, value]) =>
    Array.isArray(value) && value.length > 0
      ? `${name}:\n${indent(value.map((item) => `- ${item}`).join('\n'))}`
      : `${name}: ${String(value) || 'none'}`,
  )
  const body = [...lines, `${style.bold('next')}: ${report.hint}`].join('\n')
  return `${style.bad(report.code)}: ${report.title}\n${indent(body)}`
}

/** The same on one line, without the next step. */
export function reportLine({ code, title, facts }: Pick<ErrorReport, 'code' | 'title' | 'facts'>): string {
  const known = Object.entries(facts).filter(([, value]) => value !== undefined)
  const about = known.map(([name, value]) => `${name}: ${String(value)}`).join(', ')
  return `${code}: ${title}${about === '' ? '' : ` (${about})`}`
}
