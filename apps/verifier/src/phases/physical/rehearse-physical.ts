import { scratchServer } from '@lifeboat/postgres/scratch/scratch-server.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Drill } from '../../drill.ts'
import { DrillEnded } from '../../findings.ts'
import type { Course } from '../course.ts'
import { checkCluster } from './check-cluster.ts'
import { fetchChain } from './fetch-chain.ts'
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
  const room = owned.use(await findings.during('boot', () => openRoom(drill, chain)).catch(noPlace(drill)))
  const extracted = await rebuildCluster(drill, room, chain)
  const back = await findings.during('replay', () => recoverCluster(drill, room, extracted, chain))
  await back.getter?.[Symbol.asyncDispose]()
  const server = owned.use(await scratchServer(room, back.server, back.connection('template1').user))
  course.server = server
  drill.tools.postgres = server.version
  await findings.during('check', () => checkCluster(drill, { server, room, back, chain, dataDir: extracted.dataDir }))
}

function noPlace({ run, findings }: Drill): (thrown: unknown) => never {
  return (thrown) => {
    run.signal.throwIfAborted()
    findings.unable({ check: 'restore', subject: 'scratch server' }, LifeboatError.from(thrown))
    throw new DrillEnded()
  }
}
