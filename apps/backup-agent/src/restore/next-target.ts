import type { TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { PassedOver } from '@lifeboat/shared/domain/restore.ts'
import type { ErrorCode } from '@lifeboat/shared/errors/catalogue.ts'
import { reportOf } from '@lifeboat/shared/errors/error-report.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { CopyChosen } from './choose-copy.ts'
import type { AnyCommand } from './command.ts'
import { notePassedOver } from './note-passed-over.ts'

/**
 * What a target has lost or damaged shows on the way only; then the next one is asked.
 *
 * @throws what was wrong with the copy that gave out last, where no other target can help
 */
export async function orNextTarget<C extends Pick<CopyChosen<unknown>, 'target' | 'passedOver'>, T>(
  command: Pick<AnyCommand, 'run' | 'entry' | 'step'>,
  targets: readonly TargetId[],
  choose: (targets: readonly TargetId[]) => Promise<C>,
  use: (copy: C) => Promise<T>,
): Promise<T> {
  const gaveOut: PassedOver[] = []
  let wrong: LifeboatError | undefined
  for (let left = targets; ; ) {
    const copy = await choose(left).catch(async (thrown: unknown) => {
      if (wrong === undefined || command.run.signal.aborted) throw thrown
      const error = reportOf(LifeboatError.from(thrown))
      await notePassedOver(command, [...gaveOut, ...left.map((targetId) => ({ targetId, error }))])
      throw wrong
    })
    await notePassedOver(command, [...gaveOut, ...copy.passedOver])
    try {
      return await use(copy)
    } catch (thrown) {
      const err = LifeboatError.from(thrown)
      const targetId = copy.target.id
      gaveOut.push({ targetId, error: reportOf(err) })
      left = left.filter((id) => id !== targetId)
      if (command.run.signal.aborted || left.length === 0 || !isOfCopy(err)) throw err
      wrong = err
      command.run.log.warn({ event: 'restore.gave-out', targetId, err }, 'a copy gave out; the next target is asked')
    }
  }
}

const OF_COPY: readonly ErrorCode[] = ['RECOVERY_ENDED_EARLY', 'RECOVERY_FILES_DAMAGED']

/** Whether another copy, or the WAL behind it at another target, may do where this one did not. */
function isOfCopy({ code }: LifeboatError): boolean {
  return OF_COPY.includes(code) || (/^(TARGET|ARTIFACT|WAL)_/.test(code) && code !== 'ARTIFACT_KEY_WRONG')
}
