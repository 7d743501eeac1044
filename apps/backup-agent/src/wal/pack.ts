import { createHash } from 'node:crypto'
import { type FileHandle, open, rm } from 'node:fs/promises'
import { constants, createZstdCompress } from 'node:zlib'
import { runPipeline, type Sink } from '@lifeboat/postgres/pipeline/run-pipeline.ts'
import { age } from '@lifeboat/postgres/tools/age.ts'
import { encrypt, nativeRecipients } from '@lifeboat/shared/age/encrypt.ts'
import type { Md5, Sha256 } from '@lifeboat/shared/domain/ids.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Run } from '@lifeboat/shared/run/run.ts'
import { inSpool, PARTIAL, renameDurably } from '../spool/files.ts'
import { gatheredFile } from '../spool/gathered-file.ts'

export interface Packing {
  /** Path of the age program, for recipients only it knows. */
  age: string
  /** Public age keys. */
  recipients: readonly string[]
}

/** What a finished file is. */
export interface Packed {
  bytes: number
  sha256: Sha256
  md5: Md5
}

/** A step of zstd makes this much: each waits for a free thread, and those may all be waiting for the disk. */
const CHUNK_BYTES = 1024 * 1024
const INTRO = Buffer.from('age-encryption.org/v1\n')

/** By zstd, with its own checksum, in the thread pool of this process. */
export async function compress(plain: Uint8Array, level: number): Promise<Buffer[]> {
  const params = { [constants.ZSTD_c_compressionLevel]: level, [constants.ZSTD_c_checksumFlag]: 1 }
  const zstd = createZstdCompress({ params, chunkSize: CHUNK_BYTES })
  zstd.end(plain)
  return Array.fromAsync(zstd as AsyncIterable<Buffer>)
}

/**
 * Encrypts and writes; the file has its name when every byte is on the disk.
 *
 * @throws LifeboatError SPOOL_DISK_FULL | TOOL_FAILED | TOOL_KILLED | TOOL_MISSING; the signal's reason
 */
export async function pack(
  compressed: readonly Uint8Array[],
  path: string,
  packing: Packing,
  run: Pick<Run, 'signal' | 'log'>,
): Promise<Packed> {
  run.signal.throwIfAborted()
  try {
    const packed = await inSpool(async () => {
      await using file = await open(path + PARTIAL, 'w', 0o600)
      const result = await encrypted(compressed, into(file), packing, run)
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

async function encrypted<T>(
  bytes: readonly Uint8Array[],
  sink: Sink<T>,
  { age: program, recipients }: Packing,
  run: Pick<Run, 'signal' | 'log'>,
): Promise<T> {
  const input = handedOut(bytes)
  const keys = nativeRecipients(recipients)
  if (keys !== undefined) return sink(encrypt(input, keys))
  return (await runPipeline([age({ program, recipients })], sink, run, { input })).result
}

async function* handedOut(bytes: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* bytes
}

function into(file: FileHandle): Sink<Packed> {
  return async (bytes) => {
    const sha256 = createHash('sha256')
    const md5 = createHash('md5')
    const gathered = gatheredFile(file)
    let size = 0
    for await (const chunk of bytes) {
      if (size === 0) demandIntro(chunk)
      sha256.update(chunk)
      md5.update(chunk)
      await gathered.write(chunk)
      size += chunk.byteLength
    }
    await gathered.flush()
    return { bytes: size, sha256: sha256.digest('hex') as Sha256, md5: md5.digest('hex') as Md5 }
  }
}

/** Without its first bytes nobody could ever decrypt it, and nobody here could tell later. */
function demandIntro(first: Uint8Array): void {
  if (!Buffer.from(first.subarray(0, INTRO.length)).equals(INTRO))
    throw new LifeboatError('TOOL_FAILED', { tool: 'age', problem: 'its output does not begin as age files do' })
}
