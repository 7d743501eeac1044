import type { TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { PassedOver } from '@lifeboat/shared/domain/restore.ts'
import { reportOf } from '@lifeboat/shared/errors/error-report.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { CopyChosen } from './choose-copy.ts'
import type { AnyCommand } from './command.ts'
import { notePassedOver } from './note-passed-over.ts'

/** What a target has lost or damaged shows on the way only; then the next one is asked. */
export async function orNextTarget<C extends Pick<CopyChosen<unknown>, 'target' | 'passedOver'>, T>(
  command: Pick<AnyCommand, 'run' | 'entry' | 'step'>,
  targets: readonly TargetId[],
  choose: (targets: readonly TargetId[]) => Promise<C>,
  use: (copy: C) => Promise<T>,
): Promise<T> {
  const gaveOut: PassedOver[] = []
  for (let left = targets; ; ) {
    const copy = await choose(left)
    await notePassedOver(command, [...gaveOut, ...copy.passedOver])
    try {
      return await use(copy)
    } catch (thrown) {
      const err = LifeboatError.from(thrown)
      const targetId = copy.target.id
      gaveOut.push({ targetId, error: reportOf(err) })
      left = left.filter((id) => id !== targetId)
      if (command.run.signal.aborted || left.length === 0 || !isOfCopy(err)) throw err
      command.run.log.warn({ event: 'restore.gave-out', targetId, err }, 'a copy gave out; the next target is asked')
    }
  }
}

/** Whether another copy may do where this one did not. */
function isOfCopy({ code }: LifeboatError): boolean {
  return /^(TARGET|ARTIFACT)_/.test(code) && code !== 'ARTIFACT_KEY_WRONG'
}
