import { chmod, chown, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Account } from '@lifeboat/postgres/scratch/owner.ts'
import { markFolder } from './made-by.ts'
import { SOCKET_PREFIX, sweepSocketFolders } from './sweep-sockets.ts'

/**
 * A short path that only the account reaches, for a server nobody else may talk to yet; a socket's path may have no more than about 100 bytes. What killed processes left of that
 * kind goes first.
 */
export async function openSocketFolder({ uid, gid }: Account): Promise<AsyncDisposable & { path: string }> {
  const isRoot = process.getuid?.() === 0
  // What cannot be removed today is in nobody's way.
  await sweepSocketFolders({ root: tmpdir(), uid: isRoot ? uid : process.getuid?.(), nowMs: Date.now() }).catch(
    () => {},
  )
  await using stack = new AsyncDisposableStack()
  const path = await mkdtemp(join(tmpdir(), SOCKET_PREFIX))
  stack.defer(() => rm(path, { recursive: true, force: true }))
  await markFolder(path)
  await chmod(path, 0o700)
  if (isRoot) await chown(path, uid, gid)
  const owned = stack.move()
  return { path, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}
