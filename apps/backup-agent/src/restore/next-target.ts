import type { TargetId } from '@lifeboat/shared/domain/ids.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Target } from '@lifeboat/storage/target.ts'
import type { Command } from './command.ts'

/** What a target has lost or damaged shows on the way only; then the next one is asked. */
export async function orNextTarget<C extends { target: Target }, T>(
  { run }: Pick<Command, 'run'>,
  targets: readonly TargetId[],
  choose: (targets: readonly TargetId[]) => Promise<C>,
  use: (copy: C) => Promise<T>,
): Promise<T> {
  for (let left = targets; ; ) {
    const copy = await choose(left)
    try {
      return await use(copy)
    } catch (thrown) {
      const err = LifeboatError.from(thrown)
      const targetId = copy.target.id
      left = left.slice(left.indexOf(targetId) + 1)
      if (run.signal.aborted || left.length === 0 || !isOfCopy(err)) throw err
      run.log.warn({ event: 'restore.passed-over', targetId, err }, 'a copy gave out; the next target is asked')
    }
  }
}

/** Whether another copy may do where this one did not. */
function isOfCopy({ code }: LifeboatError): boolean {
  return /^(TARGET|ARTIFACT)_/.test(code) && code !== 'ARTIFACT_KEY_WRONG'
}
