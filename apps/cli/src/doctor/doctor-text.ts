import type { Style } from '../format/style.ts'
import { indent } from '../format/table.ts'
import type { Answer, Condition } from './answer.ts'

/** A line for what is well; what is not, with what is known and what to do next. */
export function doctorText(answers: readonly Answer[], style: Style): string {
  return [...answers.map((answer) => answerText(answer, style)), '', summary(answers, style)].join('\n')
}

function answerText({ part, name, condition, says, next }: Answer, style: Style): string {
  const head = `${mark(condition, style)} ${part.padEnd('configuration'.length)}  ${style.bold(name)}`
  if (condition === 'well' || condition === 'unasked') return [head, ...says.map(style.dim)].join('  ')
  const lines = [...says.map((line) => `- ${line}`), ...next.map((step) => `${style.bold('next')}: ${step}`)]
  return [head, indent(lines.join('\n'), '    ')].join('\n')
}

function mark(condition: Condition, style: Style): string {
  return { well: style.good('✓'), ailing: style.warn('!'), broken: style.bad('✗'), unasked: style.dim('–') }[condition]
}

function summary(answers: readonly Answer[], style: Style): string {
  const count = (condition: Condition) => answers.filter((answer) => answer.condition === condition).length
  const [broken, ailing, unasked] = [count('broken'), count('ailing'), count('unasked')]
  if (broken + ailing + unasked === 0) return style.good(`All ${answers.length} are well.`)
  const parts = [
    ...(broken > 0 ? [style.bad(`${broken} broken`)] : []),
    ...(ailing > 0 ? [style.warn(`${ailing} ailing`)] : []),
    ...(unasked > 0 ? [style.dim(`${unasked} could not be asked`)] : []),
  ]
  return `${parts.join(', ')} of ${answers.length}. Begin at the top: each part stands on those before it.`
}
