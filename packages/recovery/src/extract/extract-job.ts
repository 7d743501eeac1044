import { Socket } from 'node:net'
import { decompressed } from './decompress.ts'
import { FilePlacement, type PlacingOptions } from './place-files.ts'
import { untar } from './untar.ts'

/** One archive to be taken out of a pipe. */
export interface ExtractJob extends PlacingOptions {
  /** Reading end of a pipe that carries `artifact` decrypted; closed here. */
  fd: number
  artifact: string
}

/** What came out of it. */
export interface Extraction {
  files: number
  bytes: number
  /** Every file and folder it brought, by its final name. */
  names: readonly string[]
}

const READ_BYTES = 1024 ** 2

/**
 * Decompresses an archive and puts its members on their places.
 *
 * @throws LifeboatError ARTIFACT_UNREADABLE | RECOVERY_COMBINE_FAILED · errors of the disk as they come
 */
export async function extractArchive({ fd, artifact, ...placing }: ExtractJob): Promise<Extraction> {
  const pipe = new Socket({ fd, writable: false })
  try {
    await using placement = new FilePlacement(placing)
    const { members: files, bytes } = await untar(decompressed(contentsOf(pipe), artifact), placement)
    await placement.finish()
    return { files, bytes, names: [...placement.names] }
  } finally {
    // Whoever still writes learns from this that nobody reads any more.
    pipe.destroy()
  }
}

/**
 * In two buffers by turns: while one is worked on the other is filled. Only a full one is used again.
 *
 * NOTE: a read that waits in one of the few threads of the file system would let several extractions wait for each other forever.
 */
async function* contentsOf(pipe: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const buffers = [Buffer.allocUnsafeSlow(READ_BYTES), Buffer.allocUnsafeSlow(READ_BYTES)] as const
  let [turn, filled] = [0, 0]
  for await (const chunk of pipe) {
    for (let from = 0; from < chunk.length; ) {
      const buffer = buffers[turn % 2] as Buffer
      const copied = chunk.copy(buffer, filled, from)
      from += copied
      filled += copied
      if (filled < buffer.length) continue
      yield buffer
      turn++
      filled = 0
    }
  }
  if (filled > 0) yield (buffers[turn % 2] as Buffer).subarray(0, filled)
}
