import { chown, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { CARELESS } from '@lifeboat/postgres/scratch/boot.ts'
import { type Account, serverAccount } from '@lifeboat/postgres/scratch/owner.ts'
import { hasEnded, isReady, logTail, spawnServer, stopServer } from '@lifeboat/postgres/scratch/start-server.ts'
import type { BackupId } from '@lifeboat/shared/domain/ids.ts'
import type { TestPostgres } from '@lifeboat/testkit/postgres.ts'
import { recoverWorld } from '@lifeboat/testkit/world/recover.ts'
import type { Peer } from '../peers/peer.ts'
import { seconds } from './programs.ts'

const LOOK_MS = 20

/**
 * From the first look at the target to a promoted server that answers: fetched, digests compared, decrypted, extracted, replayed.
 *
 * NOTE: each restore, ours or a peer's, has a folder of its own right below the temporary one: ext4 spreads those. Below a common folder it looks at
 * all inodes of the restore before, which it may not use again for a minute, for each new file.
 */
export async function restoreOurs(
  world: Parameters<typeof recoverWorld>[0],
  target: string,
  from: BackupId,
): Promise<number> {
  return inNewFolder(async (root) => {
    const wanted = { goal: { to: 'end of backup' }, from } as const
    const began = performance.now()
    await using _server = await recoverWorld(world, { from: target, wanted, root, settings: CARELESS })
    return (performance.now() - began) / 1000
  })
}

/** The same for a peer: its restore, then a server on the folder, until it answers. */
export async function restoreTheirs(
  peer: Peer & { restore: NonNullable<Peer['restore']> },
  like: TestPostgres,
): Promise<number> {
  return inNewFolder(async (folder, account) => {
    const dataDir = join(folder, 'data')
    await mkdir(dataDir, { mode: 0o700 })
    if (process.getuid?.() === 0) await chown(dataDir, account.uid, account.gid)
    return seconds(async () => {
      await peer.restore(dataDir)
      await startAndStop({ folder, dataDir, account, postgres: join(like.binDir, 'postgres') })
    })
  })
}

async function inNewFolder<T>(work: (folder: string, account: Account) => Promise<T>): Promise<T> {
  const account = serverAccount()
  const folder = await mkdtemp(join(tmpdir(), 'lifeboat-bench-'))
  try {
    if (process.getuid?.() === 0) await chown(folder, account.uid, account.gid)
    return await work(folder, account)
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
