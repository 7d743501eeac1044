import { CARELESS } from '@lifeboat/postgres/scratch/boot.ts'
import type { ScratchRoom } from '@lifeboat/postgres/scratch/scratch-room.ts'
import { SCRATCH_PORT } from '@lifeboat/postgres/scratch/scratch-server.ts'
import type { Extracted } from '@lifeboat/recovery/extract/extract-backup.ts'
import { describeGoal } from '@lifeboat/recovery/goal.ts'
import { type RecoveredServer, startRecovery } from '@lifeboat/recovery/recover/start-recovery.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Drill } from '../../drill.ts'
import { type Asked, passed } from '../../findings.ts'
import { readerOf } from '../../reader.ts'
import type { FetchedChain } from './fetch-chain.ts'

/** Starts a server on the rebuilt cluster and lets it replay to the goal; its first answer stops the clock of the recovery. */
export async function recoverCluster(
  drill: Drill,
  room: ScratchRoom,
  { dataDir }: Extracted,
  { plan, archive, last }: FetchedChain,
): Promise<RecoveredServer> {
  return drill.findings.ask({ check: 'recover' }, async (): Promise<Asked<RecoveredServer>> => {
    const { systemIdentifier } = last.server
    const place = { ...room, dataDir, port: SCRATCH_PORT }
    const opts = { plan, archive: archive.wal, systemIdentifier, place, atGoal: 'promote', settings: CARELESS } as const
    const value = await startRecovery({ reader: readerOf(drill), ...opts }).catch(async (thrown: unknown) => {
      throw LifeboatError.is(thrown, 'RECOVERY_REFUSED') ? ((await room.noRoom()) ?? thrown) : thrown
    })
    drill.findings.firstAnswerAt = performance.now()
    const { lsn, timeline, lastCommitAt } = value.recovered
    drill.findings.recovered = {
      ...{ to: drill.wish.recoverTo ?? 'end of backup', lsn, timeline },
      ...(lastCommitAt && { lastCommitAt }),
    }
    const commit = lastCommitAt ? `the last commit is of ${lastCommitAt}` : 'no transaction had to be replayed'
    return { value, ...passed(`Recovered to ${describeGoal(plan.goal)}: ${lsn} on timeline ${timeline}, ${commit}.`) }
  })
}
