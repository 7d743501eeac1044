import type { ScratchRoom } from '@lifeboat/postgres/scratch/scratch-room.ts'
import { scratchServer } from '@lifeboat/postgres/scratch/scratch-server.ts'
import type { RecoveredServer } from '@lifeboat/recovery/recover/start-recovery.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Drill } from '../../drill.ts'
import { DrillEnded } from '../../findings.ts'
import type { Course } from '../course.ts'
import { checkCluster } from './check-cluster.ts'
import { type FetchedChain, fetchChain, toItsEnd } from './fetch-chain.ts'
import { openRoom, rebuildCluster } from './rebuild.ts'
import { recoverCluster } from './recover.ts'

/** A base or an incremental: the cluster is rebuilt out of its chain, recovered to its goal, and questioned. */
export async function rehearsePhysical(drill: Drill, course: Course, owned: AsyncDisposableStack): Promise<void> {
  const { findings } = drill
  const chain = await findings.during('fetch', () =>
    fetchChain(drill, (sha256) => {
      course.manifestSha256 = sha256
    }),
  )
  const { room, back, dataDir } = (await comeBack(drill, chain, owned)) ?? (await startOver(drill, chain, owned))
  await back.getter?.[Symbol.asyncDispose]()
  const server = owned.use(await scratchServer(room, back.server, back.connection('template1').user))
  course.server = server
  drill.tools.postgres = server.version
  await findings.during('check', () => checkCluster(drill, { server, room, back, chain, dataDir }))
}

interface Returned {
  room: ScratchRoom
  back: RecoveredServer
  dataDir: string
}

/** undefined: the WAL does not lead to the goal. What was built is gone then, for broken WAL may have touched it. */
async function comeBack(drill: Drill, chain: FetchedChain, owned: AsyncDisposableStack): Promise<Returned | undefined> {
  const { findings } = drill
  await using attempt = new AsyncDisposableStack()
  const room = attempt.use(await findings.during('boot', () => openRoom(drill, chain)).catch(noPlace(drill)))
  const { dataDir } = await rebuildCluster(drill, room, chain)
  const back = await findings.during('replay', () => recoverCluster(drill, room, { dataDir }, chain))
  if (back === undefined) return undefined
  owned.use(attempt.move())
  return { room, back, dataDir }
}

/** From the files of the backup once more, and no further than it leads by itself: that is what the copy is judged by. */
async function startOver(drill: Drill, chain: FetchedChain, owned: AsyncDisposableStack): Promise<Returned> {
  const { findings, run } = drill
  run.log.warn(
    { event: 'drill.wal-broken', ...findings.walBroke },
    'the WAL does not lead to the goal: recovering to the end of the backup',
  )
  delete findings.firstByteAt
  delete findings.firstAnswerAt
  const returned = await comeBack(drill, { ...chain, ...toItsEnd(chain.manifests, chain.last, drill) }, owned)
  if (returned === undefined) throw new DrillEnded()
  return returned
}

function noPlace({ run, findings }: Drill): (thrown: unknown) => never {
  return (thrown) => {
    run.signal.throwIfAborted()
    findings.unable({ check: 'restore', subject: 'scratch server' }, LifeboatError.from(thrown))
    throw new DrillEnded()
  }
}
