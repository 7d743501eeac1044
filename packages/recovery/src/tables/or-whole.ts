import type { ErrorCode } from '@lifeboat/shared/errors/catalogue.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Run } from '@lifeboat/shared/run/run.ts'

/**
 * What a server says that misses something, or that gave up for it; of the bytes of the backup, of its WAL, of locks and rights all of it would
 * say the same.
 */
const MAY_BE_HOLLOW: ErrorCode[] = [
  'RECOVERY_HOLLOW',
  'RECOVERY_REFUSED',
  'SOURCE_UNREACHABLE',
  'SOURCE_CONNECTION_LOST',
  'INTERNAL',
]

/**
 * Reads what was left hollow in part; what that may be to blame for is read once more out of all of it.
 *
 * @param hollow calls `begin` before anything that was read is used: from then on nothing begins anew
 * @param whole told why
 * @throws what `whole` throws, and what `hollow` throws where all of the backup would say the same
 */
export async function orWhole<T>(
  hollow: (begin: () => void) => Promise<T>,
  whole: (because: string) => Promise<T>,
  { signal, log }: Pick<Run, 'signal' | 'log'>,
): Promise<T> {
  let begun = false
  try {
    return await hollow(() => {
      begun = true
    })
  } catch (thrown) {
    const err = LifeboatError.from(thrown)
    if (begun || signal.aborted || !MAY_BE_HOLLOW.includes(err.code)) throw thrown
    log.info({ event: 'restore.hollow', err }, 'what was left hollow is needed; extracting all of the backup')
    return whole(String(err.facts.problem ?? err.message))
  }
}
