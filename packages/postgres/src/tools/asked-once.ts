import { type FileHandle, open } from 'node:fs/promises'

const SCRIPT = '#!'

interface Known {
  /** Of the file that answered. */
  identity: string
  answer: unknown
}

const known = new Map<string, Known>()

/**
 * What a program says of itself, asked once for as long as its file stays the same: to start it only for that takes as long as many a small backup.
 *
 * A script is asked each time, as it may lead to another program any day (Debian's wrapper of pg_dump does). What failed is not remembered.
 *
 * @param path of the program, as it is started
 */
export async function askedOnce<T>(path: string, question: string, ask: () => Promise<T>): Promise<T> {
  const identity = await identityOf(path).catch(() => undefined)
  if (identity === undefined) return ask()
  const key = `${question} ${path}`
  const before = known.get(key)
  if (before?.identity === identity) return before.answer as T
  const answer = await ask()
  known.set(key, { identity, answer })
  return answer
}

/** undefined for a script, and for what cannot be read. */
async function identityOf(path: string): Promise<string | undefined> {
  await using file = await open(path, 'r')
  if (await isScript(file)) return undefined
  const { dev, ino, size, mtimeNs, ctimeNs } = await file.stat({ bigint: true })
  return [dev, ino, size, mtimeNs, ctimeNs].join(' ')
}

async function isScript(file: FileHandle): Promise<boolean> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(SCRIPT.length), 0, SCRIPT.length, 0)
  return buffer.toString('latin1', 0, bytesRead) === SCRIPT
}
