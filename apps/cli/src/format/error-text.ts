import type { ErrorReport } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Style } from './style.ts'
import { indent } from './table.ts'

/** Code and title, and indented below them the facts and the next thing to look at. */
export function errorText(report: ErrorReport, style: Style): string {
  const facts = Object.entries(report.facts).filter(([, value]) => value !== undefined)
  const lines = facts.map(([name, value]) =>
    Array.isArray(value)
      ? `${name}:\n${indent(value.map((item) => `- ${item}`).join('\n'))}`
      : `${name}: ${String(value)}`,
  )
  const body = [...lines, `${style.bold('next')}: ${report.hint}`].join('\n')
  return `${style.bad(report.code)}: ${report.title}\n${indent(body)}`
}
