import { isDeepStrictEqual } from 'node:util'
import type { PassedOver } from '@lifeboat/shared/domain/restore.ts'
import type { AnyCommand } from './command.ts'

/** Says of the targets that could not help why: in the log, and with the end of the command. */
export async function notePassedOver(
  { run, entry, step }: Pick<AnyCommand, 'run' | 'entry' | 'step'>,
  passedOver: readonly PassedOver[],
): Promise<void> {
  if (isDeepStrictEqual(entry().passedOver ?? [], passedOver)) return
  const said = passedOver.map(({ targetId, error }) => `${targetId}: ${error.code}`)
  run.log.warn({ event: 'restore.passed-over', passedOver: said }, 'targets could not help')
  await step(entry().stage, { passedOver: [...passedOver] })
}
