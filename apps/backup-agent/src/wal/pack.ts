import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { type FileHandle, open, rm } from 'node:fs/promises'
import { constants, createZstdCompress } from 'node:zlib'
import { runPipeline, type Sink } from '@lifeboat/postgres/pipeline/run-pipeline.ts'
import { age } from '@lifeboat/postgres/tools/age.ts'
import { encrypt, nativeRecipients } from '@lifeboat/shared/age/encrypt.ts'
import type { Md5, Sha256 } from '@lifeboat/shared/domain/ids.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Run } from '@lifeboat/shared/run/run.ts'
import { holdMemory } from '@lifeboat/shared/service/lean-memory.ts'
import { inSpool, PARTIAL, renameDurably } from '../spool/files.ts'
import { gatheredFile, writeAll } from '../spool/gathered-file.ts'
import { giveBack } from './give-back.ts'

export interface Packing {
  /** Path of the age program, for recipients only it knows. */
  age: string
  /** Public age keys. */
  recipients: readonly string[]
  /** Whether a target may want the MD5 as well. */
  md5: boolean
}

/** Encrypted as far as that can be done here; bytes that only the age program can encrypt are compressed. */
export type Sealed = { pieces: readonly Buffer[]; packed: Packed } | { compressed: Buffer }

/** What a finished file is. */
export interface Packed {
  bytes: number
  sha256: Sha256
  md5?: Md5
}

/**
 * Levels 2 and 3 of zstd look up one table of a size that stays in the cache of the processor, through which this service streams other bytes meanwhile,
 * instead of two larger ones, and a megabyte back instead of two: a third less time than level 3 as it is. On WAL of small rows it takes up to an eighth fewer
 * bytes by that, for the nearer of two matches is the shorter one to write; where large documents are changed up to an eighth more.
 * Level 1 does so anyway; higher levels are chosen for size.
 */
const NEAR = {
  [constants.ZSTD_c_strategy]: constants.ZSTD_fast,
  [constants.ZSTD_c_windowLog]: 20,
  [constants.ZSTD_c_hashLog]: 15,
}
const NEAR_LEVELS: readonly number[] = [2, 3]
const INTRO = Buffer.from('age-encryption.org/v1\n')

/**
 * By zstd, with its own checksum, in the thread pool of this process.
 *
 * In one step: told with the first byte that this is all, and with room for the longest result, zstd reads the bytes where they lie instead of
 * copying them into its window. Room that is not filled takes no memory.
 *
 * @param use makes of the compressed bytes what is kept; they are gone afterwards, for the collector counts the whole room: if it were kept, it would come by for every segment
 */
export async function compress<T>(
  plain: Uint8Array,
  level: number,
  use: (frame: Buffer) => T | Promise<T>,
): Promise<T> {
  const params = {
    [constants.ZSTD_c_compressionLevel]: level,
    [constants.ZSTD_c_checksumFlag]: 1,
    ...(NEAR_LEVELS.includes(level) && NEAR),
  }
  const chunkSize = longestFrame(plain.byteLength)
  using _room = holdMemory(chunkSize)
  const zstd = createZstdCompress({ params, flush: constants.ZSTD_e_end, chunkSize })
  zstd.write(plain)
  const [frame] = (await once(zstd, 'data')) as [Buffer]
  // Its end would be another frame.
  zstd.destroy()
  try {
    return await use(frame)
  } finally {
    giveBack(frame)
  }
}

/** @see https://github.com/facebook/zstd/blob/dev/lib/zstd.h – ZSTD_COMPRESSBOUND, and what small ones take besides */
function longestFrame(bytes: number): number {
  return bytes + Math.ceil(bytes / 256) + 1024
}

/** In one go, which takes some milliseconds: a step for each piece would cost more than its cipher. */
export function seal(frame: Buffer, { recipients, md5 }: Packing): Sealed {
  const keys = nativeRecipients(recipients)
  if (keys === undefined) return { compressed: Buffer.from(frame) }
  const measure = measuring(md5)
  const pieces: Buffer[] = []
  for (const piece of encrypt(frame, keys)) {
    measure.add(piece)
    pieces.push(piece)
  }
  return { pieces, packed: measure.end() }
}

/**
 * Writes, and encrypts what is not encrypted yet; the file has its name when every byte is on the disk.
 *
 * @throws LifeboatError SPOOL_DISK_FULL | TOOL_FAILED | TOOL_KILLED | TOOL_MISSING; the signal's reason
 */
export async function pack(
  sealed: Sealed,
  path: string,
  packing: Packing,
  run: Pick<Run, 'signal' | 'log'>,
): Promise<Packed> {
  run.signal.throwIfAborted()
  try {
    const packed = await inSpool(async () => {
      await using file = await open(path + PARTIAL, 'w', 0o600)
      const result = await write(sealed, file, packing, run)
      await file.sync()
      return result
    })
    await inSpool(() => renameDurably(path + PARTIAL, path))
    return packed
  } catch (thrown) {
    await rm(path + PARTIAL, { force: true })
    throw thrown
  }
}

async function write(
  sealed: Sealed,
  file: FileHandle,
  { age: program, recipients, md5 }: Packing,
  run: Pick<Run, 'signal' | 'log'>,
): Promise<Packed> {
  if ('compressed' in sealed) {
    const input = handedOut(sealed.compressed)
    return (await runPipeline([age({ program, recipients })], into(file, md5), run, { input })).result
  }
  await writeAll(file, sealed.pieces)
  return sealed.packed
}

async function* handedOut(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

function into(file: FileHandle, md5: boolean): Sink<Packed> {
  return async (bytes) => {
    const measure = measuring(md5)
    // Each chunk was made for this file alone; in a backlog they come faster than the collector.
    const gathered = gatheredFile(file, giveBack)
    let isFirst = true
    for await (const chunk of bytes) {
      if (isFirst) demandIntro(chunk)
      isFirst = false
      measure.add(chunk)
      await gathered.write(chunk)
    }
    await gathered.flush()
    return measure.end()
  }
}

function measuring(withMd5: boolean): { add(chunk: Uint8Array): void; end(): Packed } {
  const [sha256, md5] = [createHash('sha256'), withMd5 ? createHash('md5') : undefined]
  let bytes = 0
  return {
    add(chunk) {
      sha256.update(chunk)
      md5?.update(chunk)
      bytes += chunk.byteLength
    },
    end: () => ({ bytes, sha256: sha256.digest('hex') as Sha256, ...(md5 && { md5: md5.digest('hex') as Md5 }) }),
  }
}

/** Without its first bytes nobody could ever decrypt it, and nobody here could tell later. */
function demandIntro(first: Uint8Array): void {
  if (!Buffer.from(first.subarray(0, INTRO.length)).equals(INTRO))
    throw new LifeboatError('TOOL_FAILED', { tool: 'age', problem: 'its output does not begin as age files do' })
}
