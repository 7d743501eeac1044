import type { FilesHooks, RestorePlan } from '@lifeboat/shared/domain/restore.ts'
import { type ErrorReport, LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { RestoreConfig } from '../config.ts'
import { unfitHooks } from './hook-account.ts'

/** The hooks of a plan with their commands; one this agent does not have, or cannot run as its account, stands against the plan. */
export function plannedHooks(
  hooks: FilesHooks,
  restore: Pick<RestoreConfig, 'hooks'>,
  obstacles: ErrorReport[],
): RestorePlan['hooks'] {
  const unfit = unfitHooks(restore)
  return (['post', 'stop', 'start', 'ready'] as const).flatMap((on) => {
    const name = hooks[on]
    if (name === undefined) return []
    const command = restore.hooks[name]?.command
    if (!command)
      obstacles.push(
        new LifeboatError('RESTORE_HOOK_UNKNOWN', { hook: name, hooks: Object.keys(restore.hooks) }).toReport(),
      )
    const problem = unfit.get(name)
    if (problem) obstacles.push(problem.toReport())
    return [{ on, name, ...(command && { command: [...command] }) }]
  })
}
