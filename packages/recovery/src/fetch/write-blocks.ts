import { type FileHandle, open } from 'node:fs/promises'
import { forget } from '@lifeboat/shared/service/forget.ts'

/** A write is a turn to another thread and back, whatever its size; what stores hand over comes in small pieces. */
const BLOCK_BYTES = 1024 ** 2

/**
 * Writes what comes into a new file, in blocks by turns: while one is written the other is filled. The memory of a chunk is given back once it was
 * copied, or a download would leave much garbage in the heap of a service.
 *
 * What was written stays when `chunks` or the disk fails. Nothing is saved to the disk for good: a restore that is cut off begins anew.
 */
export async function writeBlocks(chunks: AsyncIterable<Buffer>, file: string): Promise<void> {
  await using handle = await open(file, 'w', 0o600)
  const blocks = [Buffer.allocUnsafeSlow(BLOCK_BYTES), Buffer.allocUnsafeSlow(BLOCK_BYTES)] as const
  let [turn, filled] = [0, 0]
  let writing = Promise.resolve()
  try {
    for await (const chunk of chunks) {
      for (let from = 0; from < chunk.length; ) {
        const block = blocks[turn % 2] as Buffer
        const copied = chunk.copy(block, filled, from)
        from += copied
        filled += copied
        if (filled < block.length) continue
        await writing
        writing = write(handle, block)
        turn++
        filled = 0
      }
      forget(chunk)
    }
    await writing
    await write(handle, (blocks[turn % 2] as Buffer).subarray(0, filled))
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
