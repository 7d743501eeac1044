import type { CopyRefused as Refusal } from '@lifeboat/shared/bus/messages/copy.ts'
import { CopyRefused } from '@lifeboat/shared/bus/messages/copy.ts'
import { moment } from '@lifeboat/shared/domain/ids.ts'
import { reportOf } from '@lifeboat/shared/errors/error-report.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Logger } from '@lifeboat/shared/log/logger.ts'
import type { Lane, UploaderDeps } from './deps.ts'

/** Whose copy it is; parts know neither policy nor kind. */
export type CopyAbout = Pick<Refusal, 'backupId' | 'sourceId' | 'agentId' | 'policyId' | 'kind'>

/**
 * Something else lies under a key of ours, or another cluster under the name of the source: that is a fact to be known, not work to be tried again. Any other failure is the caller's.
 *
 * @throws `thrown` itself, unless it is TARGET_KEY_TAKEN or BASE_FOREIGN
 */
export async function refuseCopyOrThrow(
  deps: Pick<UploaderDeps, 'bus' | 'clock' | 'events'>,
  { target }: Lane,
  { backupId, sourceId, agentId, policyId, kind }: CopyAbout,
  thrown: unknown,
  log: Logger,
): Promise<void> {
  if (!LifeboatError.is(thrown, 'TARGET_KEY_TAKEN') && !LifeboatError.is(thrown, 'BASE_FOREIGN')) throw thrown
  const copy = { backupId, sourceId, agentId, targetId: target.id }
  const known = { ...(policyId && { policyId }), ...(kind && { kind }) }
  const refusedAt = moment(deps.clock.now())
  await deps.bus.publish(CopyRefused, {
    ...copy,
    ...known,
    refusedAt,
    error: reportOf(thrown),
  })
  deps.events.copyRefused(log, { ...copy, err: thrown })
}
