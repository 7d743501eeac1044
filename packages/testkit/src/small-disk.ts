import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync, mkdirSync, renameSync, statfsSync, statSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { TestPostgres } from './postgres.ts'

/** A disk of its own; it has room for everything until it is told to be small. */
export interface SmallDisk extends Disposable {
  /** From now on nothing but so much more. */
  leave(bytes: number): void
  /** Room for everything again. */
  widen(): void
}

export function smallDisk(path: string): SmallDisk {
  mkdirSync(path, { recursive: true })
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16g', 'tmpfs', path])
  const resize = (bytes: number) => execFileSync('mount', ['-o', `remount,size=${Math.ceil(bytes / 1024)}k`, path])
  const usedBytes = () => {
    const { blocks, bfree, bsize } = statfsSync(path)
    return (blocks - bfree) * bsize
  }
  return {
    // Of no size at all it would have no limit.
    leave: (bytes) => void resize(usedBytes() + Math.max(bytes, 4096)),
    widen: () => void resize(16 * 1024 ** 3),
    [Symbol.dispose]: () => void execFileSync('umount', ['-l', path]),
  }
}

/** Moves a server's data to a disk of its own. Its WAL stays where it is: a server without room for that goes down, whoever filled it up. */
export async function onSmallDisk(pg: TestPostgres): Promise<SmallDisk> {
  await pg.stop()
  const { uid, gid } = statSync(pg.dataDir)
  const [before, wal] = [`${pg.dataDir}-moved`, join(dirname(pg.dataDir), 'wal')]
  renameSync(join(pg.dataDir, 'pg_wal'), wal)
  symlinkSync(wal, join(pg.dataDir, 'pg_wal'))
  renameSync(pg.dataDir, before)
  const disk = smallDisk(pg.dataDir)
  chownSync(pg.dataDir, uid, gid)
  chmodSync(pg.dataDir, 0o700)
  execFileSync('cp', ['-a', `${before}/.`, pg.dataDir])
  await pg.restart()
  return disk
}
