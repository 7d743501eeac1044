import type { Readable } from 'node:stream'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { forget } from '@lifeboat/shared/service/forget.ts'

/**
 * A document, whole, unless it is longer than any of its kind: somebody else may have put it there.
 *
 * @throws LifeboatError MANIFEST_TAMPERED – longer than `mostBytes`; no more than that was read
 */
export async function readSmall(body: Readable, key: string, mostBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of body as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > mostBytes)
      throw new LifeboatError('MANIFEST_TAMPERED', { key, mostBytes, problem: 'longer than any document of its kind' })
    chunks.push(chunk)
  }
  const whole = Buffer.concat(chunks)
  for (const chunk of chunks) forget(chunk)
  return whole
}

/** Evidence is a few kilobytes, and some more where differences are told. */
export const LONGEST_EVIDENCE_BYTES = 16 * 1024 ** 2
/** A manifest lists 200 bytes a part: this is one of 20 TB. */
export const LONGEST_MANIFEST_BYTES = 64 * 1024 ** 2
