/**
 * What comes, in two buffers by turns: while one is worked on the other is filled. A buffer is good until the next but one is asked for; all but the last
 * are full.
 *
 * @param blockBytes of each buffer
 */
export async function* inBlocks(chunks: AsyncIterable<Buffer>, blockBytes: number): AsyncGenerator<Buffer> {
  const blocks = [Buffer.allocUnsafeSlow(blockBytes), Buffer.allocUnsafeSlow(blockBytes)] as const
  let [turn, filled] = [0, 0]
  for await (const chunk of chunks) {
    for (let from = 0; from < chunk.length; ) {
      const block = blocks[turn % 2] as Buffer
      const copied = chunk.copy(block, filled, from)
      from += copied
      filled += copied
      if (filled < block.length) continue
      yield block
      turn++
      filled = 0
    }
  }
  if (filled > 0) yield (blocks[turn % 2] as Buffer).subarray(0, filled)
}
