import { CARELESS } from '@lifeboat/postgres/scratch/boot.ts'
import type { ScratchRoom } from '@lifeboat/postgres/scratch/scratch-room.ts'
import { SCRATCH_PORT } from '@lifeboat/postgres/scratch/scratch-server.ts'
import type { Extracted } from '@lifeboat/recovery/extract/extract-backup.ts'
import { describeGoal } from '@lifeboat/recovery/goal.ts'
import { type RecoveredServer, startRecovery } from '@lifeboat/recovery/recover/start-recovery.ts'
import type { Evidence } from '@lifeboat/shared/domain/drill.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Drill } from '../../drill.ts'
import { type Asked, passed } from '../../findings.ts'
import { readerOf } from '../../reader.ts'
import { breaksWal } from './broken-wal.ts'
import type { FetchedChain } from './fetch-chain.ts'

/**
 * Starts a server on the rebuilt cluster and lets it replay to the goal; its first answer stops the clock of the recovery.
 *
 * @returns undefined when the goal lies behind the backup and the WAL does not lead there: the files are then no longer those of the backup
 */
export async function recoverCluster(
  drill: Drill,
  room: ScratchRoom,
  extracted: Pick<Extracted, 'dataDir'>,
  chain: FetchedChain,
): Promise<RecoveredServer | undefined> {
  const { findings } = drill
  const replay = replayed(drill, room, extracted, chain)
  if (chain.plan.wal === undefined) return findings.ask({ check: 'recover' }, replay)
  const wayRound = (err: LifeboatError) => breaksWal(drill, err, chain.last)
  const back = await findings.askOrElse({ check: 'wal', subject: 'replay' }, replay, wayRound)
  return (
    back && findings.ask({ check: 'recover' }, async () => ({ value: back, ...passed('It came back on the way.') }))
  )
}

function replayed(
  drill: Drill,
  room: ScratchRoom,
  { dataDir }: Pick<Extracted, 'dataDir'>,
  { plan, archive, last }: FetchedChain,
) {
  return async (): Promise<Asked<RecoveredServer>> => {
    const { systemIdentifier } = last.server
    const place = { ...room, dataDir, port: SCRATCH_PORT }
    const opts = { plan, archive: archive.wal, systemIdentifier, place, atGoal: 'promote', settings: CARELESS } as const
    const value = await startRecovery({ reader: readerOf(drill), ...opts }).catch(async (thrown: unknown) => {
      throw LifeboatError.is(thrown, 'RECOVERY_REFUSED') ? ((await room.noRoom()) ?? thrown) : thrown
    })
    drill.findings.firstAnswerAt = performance.now()
    const { lsn, timeline, lastCommitAt } = value.recovered
    drill.findings.recovered = {
      ...{ to: goalIn(plan), lsn, timeline },
      ...(lastCommitAt && { lastCommitAt }),
    }
    const commit = lastCommitAt ? `the last commit is of ${lastCommitAt}` : 'no transaction had to be replayed'
    return { value, ...passed(`Recovered to ${describeGoal(plan.goal)}: ${lsn} on timeline ${timeline}, ${commit}.`) }
  }
}

/** A drill has no other goals. */
function goalIn({ goal }: FetchedChain['plan']): NonNullable<Evidence['recovered']>['to'] {
  if (goal.to === 'time') return { time: goal.time }
  return goal.to === 'latest' ? 'latest' : 'end of backup'
}
