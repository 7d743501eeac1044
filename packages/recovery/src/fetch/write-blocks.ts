import { type FileHandle, open } from 'node:fs/promises'
import { WRITE_BYTES } from '../extract/file-writer.ts'
import { givingBack } from './giving-back.ts'
import { inBlocks } from './in-blocks.ts'

/**
 * Writes what comes into a new file, in blocks: a write is a turn to another thread and back, whatever its size, and what stores hand over comes in small
 * pieces. While one block is written the next is filled. The memory of a chunk is given back once it was
 * copied, or a download would leave much garbage in the heap of a service.
 *
 * What was written stays when `chunks` or the disk fails. Nothing is saved to the disk for good: a restore that is cut off begins anew.
 */
export async function writeBlocks(chunks: AsyncIterable<Buffer>, file: string): Promise<void> {
  await using handle = await open(file, 'w', 0o600)
  let writing = Promise.resolve()
  try {
    for await (const block of inBlocks(givingBack(chunks), WRITE_BYTES)) {
      await writing
      writing = write(handle, block)
    }
    await writing
  } finally {
    // Not to be closed while something is written; who fails first is told.
    await writing.catch(() => {})
  }
}

function write(handle: FileHandle, block: Buffer): Promise<void> {
  const writing = handle.writeFile(block)
  // Awaited when the next block is full; a failure until then must not count as unhandled.
  writing.catch(() => {})
  return writing
}
