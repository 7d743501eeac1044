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
import { program, since } from './programs.ts'

const LOOK_MS = 20

/**
 * Of the server that answers in the end: everything is on the disk when it does. A peer that saves each file while it restores has done that already and the
 * server finds nothing to save; of files nobody saved it saves each before it begins to recover.
 */
const DURABLE = { ...CARELESS, fsync: 'on' }

/** A peer that restores. */
export type Restorer = Peer & { restore: NonNullable<Peer['restore']> }

/**
 * From the first look at the target to a promoted server that answers: fetched, digests compared, decrypted, extracted, saved, replayed.
 *
 * Each restore, ours or a peer's, has a folder of its own that lies away from those before.
 */
export async function restoreOurs(
  world: Parameters<typeof recoverWorld>[0],
  target: string,
  from: BackupId,
): Promise<number> {
  return inNewFolder(async (root) => {
    const wanted = { goal: { to: 'end of backup' }, from } as const
    const took = since()
    await using _server = await recoverWorld(world, { from: target, wanted, root, settings: DURABLE })
    return took()
  })
}

/** The same for a peer: its restore, then a server on the folder, until it answers. */
export async function restoreTheirs(peer: Restorer, like: TestPostgres): Promise<number> {
  return inNewDataDir(async ({ folder, dataDir, account }) => {
    const took = since()
    await peer.restore(dataDir)
    const place = { folder, dataDir, account, postgres: join(like.binDir, 'postgres') }
    return whileServed(place, DURABLE, async () => took())
  })
}

export interface NewDataDir {
  folder: string
  dataDir: string
  account: Account
}

/** An empty data directory in a folder that is gone in the end. */
export async function inNewDataDir<T>(work: (place: NewDataDir) => Promise<T>): Promise<T> {
  return inNewFolder(async (folder, account) => {
    const dataDir = join(folder, 'data')
    await mkdir(dataDir, { mode: 0o700 })
    if (process.getuid?.() === 0) await chown(dataDir, account.uid, account.gid)
    return work({ folder, dataDir, account })
  })
}

/**
 * NOTE: ext4 without a journal does not use an inode again for a minute or more. For each new file near a restore that was just removed it first looks at all of that one's inodes, which
 * took longer than half a restore. It spreads folders whose parent is marked as the top of a hierarchy, by their names; only that of the whole file system is of itself. Other
 * file systems know no such mark and do without.
 */
async function inNewFolder<T>(work: (folder: string, account: Account) => Promise<T>): Promise<T> {
  const account = serverAccount()
  const top = await mkdtemp(join(tmpdir(), 'lifeboat-bench-'))
  try {
    await program('chattr', ['+T', top]).catch((err: NodeJS.ErrnoException) => {
      // Without the program nobody would see why every restore takes longer than the one before.
      if (err.code === 'ENOENT') throw err
    })
    const folder = await mkdtemp(join(top, 'restore-'))
    for (const path of [top, folder]) if (process.getuid?.() === 0) await chown(path, account.uid, account.gid)
    return await work(folder, account)
  } finally {
    await rm(top, { recursive: true, force: true })
  }
}

/** Does something while a server runs on the data directory and lets people in through a socket in its folder; then the server is ended. */
export async function whileServed<T>(
  place: NewDataDir & { postgres: string },
  how: Readonly<Record<string, string>>,
  work: () => Promise<T>,
): Promise<T> {
  const settings = { ...how, listen_addresses: '', unix_socket_directories: place.folder }
  const server = await spawnServer({ ...place, settings, signal: AbortSignal.timeout(600_000) })
  try {
    while (!(await isReady(server, place.dataDir))) {
      if (hasEnded(server)) throw new Error(`the restored server ended: ${await logTail(place.folder)}`)
      await pause(LOOK_MS)
    }
    return await work()
  } finally {
    await stopServer(server, 'immediate')
  }
}
