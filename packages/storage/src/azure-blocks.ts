import { createHash, randomBytes } from 'node:crypto'
import type { Readable } from 'node:stream'
import type { BlockBlobClient, BlockBlobCommitBlockListOptions } from '@azure/storage-blob'

/**
 * Stores a body too long for one request: blocks, each with its own MD5, then the list that makes them a blob, create-only.
 *
 * One block is in memory at a time. Blocks of an upload that broke are never visible and are swept by the service after a week.
 */
export async function putBlocks(
  blob: BlockBlobClient,
  source: Readable,
  storing: BlockBlobCommitBlockListOptions,
  blockBytes: number,
) {
  const { abortSignal } = storing
  // Two uploads of one key at a time must not take each other's blocks for their own.
  const upload = randomBytes(12).toString('hex')
  const ids: string[] = []
  for await (const block of inBlocks(source, blockBytes)) {
    const id = Buffer.from(`${upload}-${String(ids.length).padStart(6, '0')}`).toString('base64')
    const transactionalContentMD5 = createHash('md5').update(block).digest()
    await blob.stageBlock(id, block, block.byteLength, { transactionalContentMD5, ...(abortSignal && { abortSignal }) })
    ids.push(id)
  }
  const { lastModified } = await blob.commitBlockList(ids, storing)
  return lastModified ? { lastModified } : {}
}

async function* inBlocks(source: AsyncIterable<Buffer>, blockBytes: number): AsyncGenerator<Buffer> {
  let held: Buffer[] = []
  let bytes = 0
  for await (const chunk of source) {
    held.push(chunk)
    bytes += chunk.byteLength
    while (bytes >= blockBytes) {
      const all = Buffer.concat(held)
      yield all.subarray(0, blockBytes)
      held = [all.subarray(blockBytes)]
      bytes -= blockBytes
    }
  }
  if (bytes > 0) yield Buffer.concat(held)
}
