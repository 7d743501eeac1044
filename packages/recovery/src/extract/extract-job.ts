import { read } from 'node:fs'
import { promisify } from 'node:util'
import { decompressed } from './decompress.ts'
import { FilePlacement, type PlacingOptions } from './place-files.ts'
import { untar } from './untar.ts'

/** One archive to be taken out of a pipe. */
export interface ExtractJob extends PlacingOptions {
  /** Reading end of a pipe that carries `artifact` decrypted; stays open. */
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

const readFrom = promisify(read)
const READ_BYTES = 1024 ** 2

/**
 * Decompresses an archive and puts its members on their places.
 *
 * @throws LifeboatError ARTIFACT_UNREADABLE | RECOVERY_COMBINE_FAILED · errors of the disk as they come
 */
export async function extractArchive({ fd, artifact, ...placing }: ExtractJob): Promise<Extraction> {
  await using placement = new FilePlacement(placing)
  const { members: files, bytes } = await untar(decompressed(contentsOf(fd), artifact), placement)
  await placement.finish()
  return { files, bytes, names: [...placement.names] }
}

/** In two buffers by turns: while one is worked on the other is filled. Only a full one is used again. */
async function* contentsOf(fd: number): AsyncGenerator<Buffer> {
  const buffers = [Buffer.allocUnsafeSlow(READ_BYTES), Buffer.allocUnsafeSlow(READ_BYTES)] as const
  for (let turn = 0; ; turn++) {
    const buffer = buffers[turn % 2] as Buffer
    const bytes = await fill(buffer, fd)
    if (bytes > 0) yield buffer.subarray(0, bytes)
    if (bytes < buffer.length) return
  }
}

async function fill(buffer: Buffer, fd: number): Promise<number> {
  for (let filled = 0; ; ) {
    const { bytesRead } = await readFrom(fd, buffer, filled, buffer.length - filled, null)
    filled += bytesRead
    if (bytesRead === 0 || filled === buffer.length) return filled
  }
}
