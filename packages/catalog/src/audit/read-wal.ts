import { createHash } from 'node:crypto'
import type { Md5, Sha256 } from '@lifeboat/shared/domain/ids.ts'
import type { Key } from '@lifeboat/shared/domain/keys.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Receipt, Target } from '@lifeboat/storage/target.ts'

/** What reading one object of WAL came to, and what was read. */
export type WalReading = { bytes: number } & (
  | { found: 'whole'; content: Content; problem?: undefined }
  | { found: 'missing' | 'damaged'; content?: undefined; problem: string }
)

interface Content {
  bytes: number
  sha256: Sha256
  md5: Md5
}

/**
 * Reads every byte of an object of WAL and compares it with the digest the store wrote down when it was put: the put was refused unless that was the one its
 * agent announced. Its key has the digest of the plain bytes, which only a drill can compare, for it takes a private key.
 *
 * @param opts.progress hears of bytes as they come
 * @throws LifeboatError TARGET_… – the target cannot be read, which says nothing about the object
 */
export async function readWal(
  target: Target,
  key: Key,
  opts: { signal: AbortSignal; progress?: (bytes: number) => void },
): Promise<WalReading> {
  const { signal, progress } = opts
  const [sha256, md5] = [createHash('sha256'), createHash('md5')]
  let bytes = 0
  try {
    const told = await target.stat(key, { signal })
    if (told === undefined) return { found: 'missing', problem: 'it is not there', bytes }
    for await (const chunk of (await target.get(key, { signal })) as AsyncIterable<Buffer>) {
      sha256.update(chunk)
      md5.update(chunk)
      bytes += chunk.byteLength
      progress?.(chunk.byteLength)
    }
    const content = { bytes, sha256: sha256.digest('hex') as Sha256, md5: md5.digest('hex') as Md5 }
    const problem = problemOf(told, content)
    return problem === undefined ? { found: 'whole', content, bytes } : { found: 'damaged', problem, bytes }
  } catch (thrown) {
    // Removed while it was read.
    if (LifeboatError.is(thrown, 'TARGET_KEY_ABSENT')) return { found: 'missing', problem: 'it is not there', bytes }
    throw thrown
  }
}

/** A store that keeps no digest can only be held to the length. */
function problemOf(told: Receipt, read: Content): string | undefined {
  if (told.bytes !== read.bytes) return `${read.bytes} of ${told.bytes} bytes could be read`
  if (read.bytes === 0) return 'it is empty'
  const same = told.sha256 === undefined ? (told.md5 ?? read.md5) === read.md5 : told.sha256 === read.sha256
  return same ? undefined : 'its bytes are not those that were put there'
}
