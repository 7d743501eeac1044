import { open, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'

/** A name that ends so is not finished; whoever finds it at start removes it. */
export const PARTIAL = '.partial'
/** A folder whose name ends so is on its way out: nothing in it counts any more. */
export const DROPPED = '.dropped'
export const MANIFEST = 'manifest.json'
export const ATTEMPT = 'attempt.json'
/** The message that tells of a sealed backup, kept to be told again. */
export const SEALED = 'sealed.json'
/** Stands between a file's name and the target that holds it. */
export const HELD_BY = '.at.'

const PART = /^[a-z0-9][a-z0-9._-]*\.\d{5,}$/

export function isPartName(name: string): boolean {
  return PART.test(name)
}

export function partName(artifact: string, partNo: number): string {
  return `${artifact}.${String(partNo).padStart(5, '0')}`
}

/** Writes a whole file so that its name appears only when every byte is on the disk. */
export async function writeDurably(path: string, content: string | Uint8Array): Promise<void> {
  await inSpool(async () => {
    const handle = await open(path + PARTIAL, 'w', 0o600)
    try {
      await handle.writeFile(content)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await renameDurably(path + PARTIAL, path)
  })
}

export async function renameDurably(from: string, to: string): Promise<void> {
  await rename(from, to)
  await syncPath(dirname(to))
}

/** Makes an empty file whose name is all it says. */
export async function markDurably(path: string): Promise<void> {
  await inSpool(async () => {
    await (await open(path, 'a', 0o600)).close()
    await syncPath(dirname(path))
  })
}

async function syncPath(path: string): Promise<void> {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** undefined where the system says ENOENT, and nowhere else: a file that cannot be read is not a file that is gone. */
export async function unlessAbsent<T>(path: string, work: Promise<T>): Promise<T | undefined> {
  try {
    return await work
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code === 'ENOENT') return undefined
    throw new LifeboatError('SPOOL_UNREADABLE', { path, systemCode: code }, { cause })
  }
}

/** Says SPOOL_DISK_FULL where the system says ENOSPC or EDQUOT. */
export async function inSpool<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    const { code, path } = cause as NodeJS.ErrnoException
    if (code !== 'ENOSPC' && code !== 'EDQUOT') throw cause
    throw new LifeboatError('SPOOL_DISK_FULL', { path, systemCode: code }, { cause })
  }
}
