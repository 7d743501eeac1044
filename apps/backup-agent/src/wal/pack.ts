import { createHash, webcrypto } from 'node:crypto'
import { type FileHandle, open, rm } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { constants, createZstdCompress } from 'node:zlib'
import { runPipeline, type Sink } from '@lifeboat/postgres/pipeline/run-pipeline.ts'
import { age } from '@lifeboat/postgres/tools/age.ts'
import type { Md5, Sha256 } from '@lifeboat/shared/domain/ids.ts'
import { WAL_DIGEST_DIGITS } from '@lifeboat/shared/domain/wal.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Run } from '@lifeboat/shared/run/run.ts'
import { inSpool, PARTIAL, renameDurably } from '../spool/files.ts'

export interface Packing {
  /** Path of the age program. */
  age: string
  /** Public age keys. */
  recipients: readonly string[]
  compressionLevel: number
}

/** What a finished file is. */
export interface Packed {
  bytes: number
  sha256: Sha256
  md5: Md5
}

const CHUNK_BYTES = 1024 * 1024
const INTRO = Buffer.from('age-encryption.org/v1\n')

/** The digest of the plain bytes, as it stands in the key. */
export async function plainDigest(plain: Uint8Array): Promise<string> {
  // Away from this thread: a segment takes some 30 ms.
  const digest = await webcrypto.subtle.digest('SHA-256', plain as Uint8Array<ArrayBuffer>)
  return Buffer.from(digest).toString('hex').slice(0, WAL_DIGEST_DIGITS)
}

/**
 * Compresses (zstd, with its own checksum) and encrypts; the file has its name when every byte is on the disk.
 *
 * zstd runs inside this process, in its thread pool: a piece every few seconds is too little to start a program for. age is a program, 10 to
 * 40 ms to start, because the JavaScript of it is slow.
 *
 * @throws LifeboatError SPOOL_DISK_FULL | TOOL_FAILED | TOOL_KILLED | TOOL_MISSING; the signal's reason
 */
export async function pack(
  plain: Uint8Array,
  path: string,
  { age: program, recipients, compressionLevel }: Packing,
  run: Pick<Run, 'signal' | 'log'>,
): Promise<Packed> {
  const params = { [constants.ZSTD_c_compressionLevel]: compressionLevel, [constants.ZSTD_c_checksumFlag]: 1 }
  const zstd = createZstdCompress({ params, chunkSize: 256 * 1024 })
  // NOTE: `compose` would do, but a stream it made throws an error nobody can catch when its reader dies.
  const compressed = Readable.from(slices(plain), { objectMode: false }).pipe(zstd)
  try {
    const packed = await inSpool(async () => {
      await using file = await open(path + PARTIAL, 'w', 0o600)
      const { result } = await runPipeline([age({ program, recipients })], into(file), run, { input: compressed })
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

function into(file: FileHandle): Sink<Packed> {
  return async (bytes) => {
    const sha256 = createHash('sha256')
    const md5 = createHash('md5')
    let size = 0
    for await (const chunk of bytes) {
      if (size === 0) demandIntro(chunk)
      sha256.update(chunk)
      md5.update(chunk)
      for (let at = 0; at < chunk.byteLength; ) at += (await file.write(chunk, at)).bytesWritten
      size += chunk.byteLength
    }
    return { bytes: size, sha256: sha256.digest('hex') as Sha256, md5: md5.digest('hex') as Md5 }
  }
}

/** Without its first bytes nobody could ever decrypt it, and nobody here could tell later. */
function demandIntro(first: Uint8Array): void {
  if (!Buffer.from(first.subarray(0, INTRO.length)).equals(INTRO))
    throw new LifeboatError('TOOL_FAILED', { tool: 'age', problem: 'its output does not begin as age files do' })
}

function* slices(plain: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < plain.byteLength; at += CHUNK_BYTES) yield plain.subarray(at, at + CHUNK_BYTES)
}
