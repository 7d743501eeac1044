import { randomBytes } from 'node:crypto'
import { type FileHandle, link, mkdir, open, rename, stat, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { codeOf, saysAbsent } from './translate.ts'

/** File systems without hard links answer with one of these. */
const NO_LINKS = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']

const WRITE_BYTES = 256 * 1024

/**
 * Writes a body under a temp name and waits until the disk has it.
 *
 * @param begin called when the file is there to take it
 * @returns the path of the temp file; on a failure nothing is left of it
 */
export async function writePartial(folder: string, begin: () => Readable): Promise<string> {
  const path = join(folder, `${randomBytes(12).toString('hex')}.partial`)
  await using file = await open(path, 'wx', 0o640)
  let body: Readable | undefined
  try {
    body = begin()
    for await (const chunks of gathered(body)) await writeAll(file, chunks)
    await file.sync()
    return path
  } catch (thrown) {
    body?.destroy()
    await unlink(path).catch(() => undefined)
    throw thrown
  }
}

/** The system may take less than it was given, as a disk does that is nearly full. */
async function writeAll(file: FileHandle, chunks: Buffer[]): Promise<void> {
  const bytes = chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0)
  const { bytesWritten } = await file.writev(chunks)
  if (bytesWritten < bytes) await file.writeFile(Buffer.concat(chunks).subarray(bytesWritten))
}

/** A write for a quarter of a megabyte rather than for every packet of the network. */
async function* gathered(body: AsyncIterable<Buffer>): AsyncGenerator<Buffer[]> {
  let chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of body) {
    chunks.push(chunk)
    bytes += chunk.byteLength
    if (bytes < WRITE_BYTES) continue
    yield chunks
    chunks = []
    bytes = 0
  }
  if (bytes > 0) yield chunks
}

/**
 * Gives a complete file its name unless the name is taken; the caller removes the temp name.
 *
 * @param linkFile the system call, replaceable because not every file system has it
 * @returns whether the name was free
 */
export async function placeOnce(partial: string, path: string, linkFile = link): Promise<boolean> {
  try {
    await linkFile(partial, path)
    return true
  } catch (thrown) {
    if (codeOf(thrown) === 'EEXIST') return false
    if (NO_LINKS.includes(codeOf(thrown) ?? '')) return await placeByClaim(partial, path)
    throw thrown
  }
}

/** Without hard links: who creates the claim may rename. A claim left by a dead process is in the partial folder's care. */
async function placeByClaim(partial: string, path: string): Promise<boolean> {
  const claim = join(partial, '..', `${Buffer.from(path).toString('base64url').slice(-200)}.claim`)
  const claimed = await open(claim, 'wx').catch((thrown: unknown) => {
    if (codeOf(thrown) === 'EEXIST')
      throw new LifeboatError('TARGET_UNREACHABLE', { path, problem: 'claimed' }, { cause: thrown })
    throw thrown
  })
  try {
    if (await exists(path)) return false
    await rename(partial, path)
    return true
  } finally {
    await claimed.close()
    await unlink(claim).catch(() => undefined)
  }
}

export async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    (thrown: unknown) => {
      if (saysAbsent(thrown)) return false
      throw thrown
    },
  )
}

/**
 * Makes the folders below `root` one by one, each made durable, never `root` itself: a missing one may be a disk that is not mounted.
 *
 * @returns the innermost
 */
export async function makeFolders(root: string, folders: readonly string[]): Promise<string> {
  let path = root
  for (const folder of folders) {
    const parent = path
    path = join(path, folder)
    const made = await mkdir(path, 0o750).then(
      () => true,
      (thrown: unknown) => {
        if (codeOf(thrown) === 'EEXIST') return false
        throw thrown
      },
    )
    if (made) await syncFolder(parent)
  }
  return path
}

/** A name is durable when its folder is. Some network file systems refuse to sync a folder; they order names by themselves. */
export async function syncFolder(path: string): Promise<void> {
  await using folder = await open(path, 'r')
  await folder.sync().catch((thrown: unknown) => {
    if (!['EINVAL', 'ENOTSUP', 'EBADF', 'EPERM'].includes(codeOf(thrown) ?? '')) throw thrown
  })
}
