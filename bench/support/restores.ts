import { chown, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { CARELESS } from '@lifeboat/postgres/scratch/boot.ts'
import { serverAccount } from '@lifeboat/postgres/scratch/owner.ts'
import { hasEnded, isReady, logTail, spawnServer, stopServer } from '@lifeboat/postgres/scratch/start-server.ts'
import type { BackupId } from '@lifeboat/shared/domain/ids.ts'
import type { TestPostgres } from '@lifeboat/testkit/postgres.ts'
import { recoverWorld } from '@lifeboat/testkit/world/recover.ts'
import type { World } from '@lifeboat/testkit/world.ts'
import type { Peer } from '../peers/peer.ts'
import { seconds } from './programs.ts'

const LOOK_MS = 20

/** From the first look at the target to a promoted server that answers: fetched, digests compared, decrypted, extracted, replayed. */
export async function restoreOurs(world: World, target: string, from: BackupId): Promise<number> {
  let took = 0
  const began = performance.now()
  {
    const wanted = { goal: { to: 'end of backup' }, from } as const
    await using _server = await recoverWorld(world, { from: target, wanted, settings: CARELESS })
    took = (performance.now() - began) / 1000
  }
  return took
}

/** The same for a peer: its restore, then a server on the folder, until it answers. */
export async function restoreTheirs(
  peer: Peer & { restore: NonNullable<Peer['restore']> },
  like: TestPostgres,
): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'lifeboat-bench-'))
  const account = serverAccount()
  const dataDir = join(folder, 'data')
  try {
    for (const path of [folder, dataDir]) {
      await mkdir(path, { recursive: true, mode: 0o700 })
      if (process.getuid?.() === 0) await chown(path, account.uid, account.gid)
    }
    return await seconds(async () => {
      await peer.restore(dataDir)
      await startAndStop({ folder, dataDir, account, postgres: join(like.binDir, 'postgres') })
    })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function startAndStop(place: Omit<Parameters<typeof spawnServer>[0], 'settings' | 'signal'>): Promise<void> {
  const settings = { ...CARELESS, listen_addresses: '', unix_socket_directories: place.folder }
  const server = await spawnServer({ ...place, settings, signal: AbortSignal.timeout(600_000) })
  while (!(await isReady(server, place.dataDir))) {
    if (hasEnded(server)) throw new Error(`the restored server ended: ${await logTail(place.folder)}`)
    await pause(LOOK_MS)
  }
  await stopServer(server, 'immediate')
}
