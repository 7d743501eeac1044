import { createHash } from 'node:crypto'
import type { Readable } from 'node:stream'
import type { Document } from '@lifeboat/shared/domain/manifest.ts'
import { Manifest } from '@lifeboat/shared/domain/manifest.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { PartSource, Wanted } from './part-source.ts'

/** A manifest of a hundred thousand parts fits; nothing that does not is a document of ours. */
const MOST_BYTES = 64 * 1024 * 1024

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
    const contents = await readWhole(found.body, Math.min(bytes, MOST_BYTES))
    if (contents !== undefined && createHash('sha256').update(contents).digest('hex') === sha256) return contents
    wrong.add(found.from)
  }
}

/**
 * The manifest inside its signed envelope. The signature is not looked at – an uploader has no keys – but the digest of the envelope came
 * with the fact that the agent published.
 *
 * @throws LifeboatError MANIFEST_TAMPERED
 */
export function openManifest(envelope: Buffer): Manifest {
  try {
    const { payload } = JSON.parse(envelope.toString()) as { payload: string }
    return Manifest.parse(JSON.parse(Buffer.from(payload, 'base64url').toString()))
  } catch (cause) {
    throw new LifeboatError('MANIFEST_TAMPERED', { problem: 'not a manifest in a signed envelope' }, { cause })
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
