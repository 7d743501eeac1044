import { chmod, chown, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Account } from '@lifeboat/postgres/scratch/owner.ts'

/** A short path that only the account reaches, for a server nobody else may talk to yet; a socket's path may have no more than about 100 bytes. */
export async function openSocketFolder({ uid, gid }: Account): Promise<AsyncDisposable & { path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'lb-'))
  await chmod(path, 0o700)
  if (process.getuid?.() === 0) await chown(path, uid, gid)
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}
