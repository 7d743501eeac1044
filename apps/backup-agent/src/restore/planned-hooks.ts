import type { FilesHooks, RestorePlan } from '@lifeboat/shared/domain/restore.ts'
import { type ErrorReport, LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { RestoreConfig } from '../config.ts'

/** The hooks of a plan with their commands; one this agent does not have stands against the plan. */
export function plannedHooks(
  hooks: FilesHooks,
  restore: Pick<RestoreConfig, 'hooks'>,
  obstacles: ErrorReport[],
): RestorePlan['hooks'] {
  return (['post', 'stop', 'start', 'ready'] as const).flatMap((on) => {
    const name = hooks[on]
    if (name === undefined) return []
    const command = restore.hooks[name]?.command
    if (!command)
      obstacles.push(
        new LifeboatError('RESTORE_HOOK_UNKNOWN', { hook: name, hooks: Object.keys(restore.hooks) }).toReport(),
      )
    return [{ on, name, ...(command && { command: [...command] }) }]
  })
}
