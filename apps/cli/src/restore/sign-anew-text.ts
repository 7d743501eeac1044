import type { RecoveryPointId } from '@lifeboat/shared/domain/ids.ts'
import type { RestoreHooks } from '@lifeboat/shared/domain/restore.ts'
import { indent } from '../format/table.ts'
import type { Outcome } from '../output.ts'
import type { Filed } from './filed.ts'

interface Stopped {
  /** That was sent. */
  file: string
  point: RecoveryPointId
  /** What came of the last command of it that was begun. */
  outcome: Outcome
  /** The command itself, and those of the file behind it. */
  step: Filed
  rest: readonly Filed[]
  nowMs: number
}

/** How a set file is gone on with, command by command. */
export function signAnewText({ file, point, outcome, step, rest, nowMs }: Stopped): string {
  const send = `lifeboat restore send ${file}`
  if (outcome.exit !== 'failed')
    return `Sent again, the file waits for what is under way and goes on behind it: \`${send}\`.`
  if (codeOf(outcome) === 'RESTORE_SIGNATURES_MISSING')
    return `Let another operator sign them, then send the file again:\n${indent(`lifeboat restore sign ${file} --key …\n${send}`)}`
  const until = rest.map(({ order }) => order.expiresAt).sort()[0]
  if (until !== undefined && Date.parse(until) < nowMs)
    return `When the cause is mended, plan and write down anew what is left, for the other commands of the file have expired:\n${indent(`lifeboat restore set ${point} --key … --identity … --why "…" --out …`)}`
  const { sourceId } = step.order
  const lines = [...anewLines(step, point), ...(until === undefined ? [] : [send])]
  const behind =
    until === undefined
      ? ''
      : `, then the file again, which goes on behind it (its other commands are valid until ${until})`
  return `A signed command is obeyed once. When the cause is mended, sign ${sourceId} anew and send that${behind}:\n${indent(lines.join('\n'))}`
}

function anewLines({ order, wish }: Filed, point: RecoveryPointId): string[] {
  const { sourceId, hooks, drainMs } = order
  const anew = `${sourceId}-anew.json`
  const given = [
    ...hookOptions(hooks),
    ...('unproven' in order && order.unproven ? ['--unproven'] : []),
    `--drain ${drainMs}ms`,
  ]
  const alone = `lifeboat restore set ${point} --source ${sourceId} --key … --identity … --why "…"`
  return [
    `${[alone, ...given].join(' ')} --out ${anew}`,
    ...(wish.order.signatures.length > 1 ? [`lifeboat restore sign ${anew} --key …`] : []),
    `lifeboat restore send ${anew}`,
  ]
}

function hookOptions(hooks: RestoreHooks): string[] {
  return Object.entries(hooks).flatMap(([on, name]) => (name === undefined ? [] : [`--${on}-hook ${name}`]))
}

function codeOf({ value }: Outcome): string | undefined {
  return (value as { error?: { code: string } }).error?.code
}
