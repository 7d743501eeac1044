import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { leftFolders, markFolder } from './made-by.ts'

const WORK_PREFIX = 'lifeboat-recover-'

/** A private folder for what a command line fetches; what killed ones left of that kind goes first. */
export async function openWorkFolder(root = tmpdir()): Promise<AsyncDisposable & { path: string }> {
  // What cannot be removed today is in nobody's way.
  await sweepWorkFolders(root).catch(() => {})
  await using stack = new AsyncDisposableStack()
  const path = await mkdtemp(join(root, WORK_PREFIX))
  stack.defer(() => rm(path, { recursive: true, force: true }))
  await markFolder(path)
  const owned = stack.move()
  return { path, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

/** Nobody else may write into them, so there is no link in them that we did not make. */
async function sweepWorkFolders(root: string): Promise<void> {
  const where = { root, prefix: WORK_PREFIX, uid: process.getuid?.(), untilMs: Number.POSITIVE_INFINITY }
  for await (const folder of leftFolders(where)) await rm(folder, { recursive: true, force: true }).catch(() => {})
}
