import { pipeline } from 'node:stream/promises'
import { createZstdDecompress } from 'node:zlib'
import { unreadable } from './tar-header.ts'

/** What the decompressor gives: it stays in the processor's cache until it is copied on. */
const GIVEN_BYTES = 256 * 1024

/**
 * Decompresses one zstd frame in this process, so that raw bytes cross no pipe. A chunk is good only until the next one is asked for: its memory
 * is given back then, where the garbage collector would look for it after every few of them.
 *
 * @param bytes in few large chunks: each is one turn to another thread and back
 * @param artifact for the error
 * @throws LifeboatError ARTIFACT_UNREADABLE · what reading `bytes` throws
 */
export async function* decompressed(bytes: AsyncIterable<Uint8Array>, artifact: string): AsyncGenerator<Buffer> {
  const zstd = createZstdDecompress({ chunkSize: GIVEN_BYTES })
  let fed = 0
  const counted = async function* () {
    for await (const chunk of bytes) {
      fed += chunk.byteLength
      yield chunk
    }
  }
  const feeding = pipeline(counted, zstd)
  // What breaks the feeding breaks the reading too.
  feeding.catch(() => {})
  try {
    for await (const chunk of zstd) {
      yield chunk as Buffer
      forget(chunk as Buffer)
    }
    await feeding
  } catch (thrown) {
    throw saysUndecodable(thrown) ? unreadable(`zstd: ${String(thrown)}`, artifact) : thrown
  }
  // The decompressor stops after one frame without a word.
  if (zstd.bytesWritten !== fed) throw unreadable('something follows its compressed contents', artifact)
}

/** Of a buffer that was filled to its end: the decompressor begins a new one after that. */
function forget({ buffer, byteLength }: Buffer): void {
  if (buffer instanceof ArrayBuffer && byteLength === buffer.byteLength) buffer.transfer(0)
}

function saysUndecodable(thrown: unknown): boolean {
  return /^(ZSTD|Z)_/.test(String((thrown as NodeJS.ErrnoException).code))
}
