import { logTail } from '@lifeboat/postgres/scratch/start-server.ts'
import { parseLsn } from '@lifeboat/shared/domain/wal.ts'
import type { ErrorCode } from '@lifeboat/shared/errors/catalogue.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { describeGoal } from '../goal.ts'
import { endOfRecordAt, leastEndOf } from './least-end.ts'
import type { RecoverOptions } from './recover.ts'

/** What the server writes before it gives up; the first that fits decides. */
const BY_LOG: readonly [RegExp, ErrorCode][] = [
  [/No space left on device/, 'RECOVERY_DISK_FULL'],
  [/recovery ended before configured recovery target was reached/, 'RECOVERY_ENDED_EARLY'],
  [/WAL ends before (end of online backup|consistent recovery point)/, 'RECOVERY_ENDED_EARLY'],
  [/could not access file ".*": No such file|resource manager with ID \d+ not registered/, 'DRILL_MACHINE_UNLIKE'],
]

/** Why a recovering server is gone. What the getter kept says more than the server can know. */
export async function diagnoseEnd(opts: RecoverOptions): Promise<LifeboatError> {
  const { getter, server, plan } = opts
  if (getter?.trouble) return getter.trouble
  const log = await logTail(server.folder, 20)
  const code = BY_LOG.find(([pattern]) => pattern.test(log))?.[1] ?? 'RECOVERY_REFUSED'
  if (code === 'RECOVERY_ENDED_EARLY' && (await replayedAll(log, opts)))
    return new LifeboatError('RECOVERY_BEYOND_ARCHIVE', {
      goal: describeGoal(plan.goal),
      problem: 'no transaction in the archived WAL committed at or after it',
      reaches: plan.wal?.end,
    })
  const problem = /^.*(?:FATAL|PANIC): {2}(.*)$/m.exec(log)?.[1]
  const lastCommitAt = /last completed transaction was at log time (.*)$/m.exec(log)?.[1]
  return new LifeboatError(code, { goal: describeGoal(plan.goal), problem, lastCommitAt, log })
}

/** All the archive has was read, and the goal was not in it: then it is not the archive that broke off. */
async function replayedAll(log: string, { getter, plan: { wal } }: RecoverOptions): Promise<boolean> {
  const done = /redo done at ([0-9A-F]+\/[0-9A-F]+)/.exec(log)?.[1]
  if (done === undefined || !wal || !getter) return false
  // The last record that was replayed began there.
  return (await endOfRecordAt(parseLsn(done), wal, getter)) >= (await leastEndOf(wal, getter))
}
