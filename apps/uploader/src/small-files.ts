import { createHash } from 'node:crypto'
import type { Readable } from 'node:stream'
import type { Document } from '@lifeboat/shared/domain/manifest.ts'
import { LONGEST_MANIFEST_BYTES } from '@lifeboat/storage/read-small.ts'
import type { PartSource, Wanted } from './part-source.ts'

/**
 * Reads a manifest or document whole, from the first place whose bytes have the digest that was sealed.
 *
 * @throws LifeboatError ARTIFACT_DIGEST_MISMATCH – every place that has it has other bytes · whatever the source throws
 */
export async function readSmallFile(
  parts: PartSource,
  wanted: Wanted,
  { bytes, sha256 }: Pick<Document, 'bytes' | 'sha256'>,
  signal: AbortSignal,
): Promise<Buffer> {
  const wrong = new Set<string>()
  for (;;) {
    const found = await parts.open(wanted, signal, wrong)
    const contents = await readWhole(found.body, Math.min(bytes, LONGEST_MANIFEST_BYTES))
    if (contents !== undefined && createHash('sha256').update(contents).digest('hex') === sha256) return contents
    wrong.add(found.from)
  }
}

/** undefined when there is more than there should be. */
async function readWhole(body: Readable, most: number): Promise<Buffer | undefined> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of body as AsyncIterable<Buffer>) {
    bytes += chunk.byteLength
    if (bytes > most) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
