import type { TransformOptions } from 'node:stream'
import { createZstdDecompress, type ZstdDecompress, type ZstdOptions } from 'node:zlib'
import { forget } from '@lifeboat/shared/service/forget.ts'
import { unreadable } from './tar-header.ts'

/**
 * What the decompressor gives. Each is a turn to another thread and back, and each turn waits for a processor that may be busy; larger ones cost more in memory that was
 * not used before than they spare of that.
 */
const GIVEN_BYTES = 1024 ** 2
/** It works ahead by so much while what it gave is written. */
const AHEAD_BYTES = 4 * GIVEN_BYTES
const OPTIONS: ZstdOptions & TransformOptions = { chunkSize: GIVEN_BYTES, readableHighWaterMark: AHEAD_BYTES }

/**
 * Decompresses one zstd frame in this process, so that raw bytes cross no pipe. A chunk is good only until the next one is asked for: its memory
 * is given back then.
 *
 * @param bytes in few large chunks: each is one turn to another thread and back
 * @param artifact for the error
 * @throws LifeboatError ARTIFACT_UNREADABLE · what reading `bytes` throws
 */
export async function* decompressed(bytes: AsyncIterable<Uint8Array>, artifact: string): AsyncGenerator<Buffer> {
  const zstd = createZstdDecompress(OPTIONS)
  const feeding = feed(zstd, bytes)
  // What breaks the feeding breaks the reading too.
  feeding.catch((thrown: Error) => zstd.destroy(thrown))
  try {
    for await (const chunk of zstd) {
      yield chunk as Buffer
      // The decompressor begins a new buffer after one that was filled to its end.
      forget(chunk as Buffer)
    }
    // The decompressor stops after one frame without a word.
    if (zstd.bytesWritten !== (await feeding)) throw unreadable('something follows its compressed contents', artifact)
  } catch (thrown) {
    throw saysUndecodable(thrown) ? unreadable(`zstd: ${String(thrown)}`, artifact) : thrown
  }
}

/** The next chunk is made while the one before is decompressed. @returns how many bytes there were */
async function feed(zstd: ZstdDecompress, bytes: AsyncIterable<Uint8Array>): Promise<number> {
  let fed = 0
  let taken = Promise.resolve()
  for await (const chunk of bytes) {
    await taken
    taken = new Promise((resolve, reject) => {
      zstd.write(chunk, (err) => (err ? reject(err) : resolve()))
    })
    taken.catch(() => {})
    fed += chunk.byteLength
  }
  await taken
  zstd.end()
  return fed
}

function saysUndecodable(thrown: unknown): boolean {
  return /^(ZSTD|Z)_/.test(String((thrown as NodeJS.ErrnoException).code))
}
