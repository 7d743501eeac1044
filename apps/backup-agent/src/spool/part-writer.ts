import { createHash } from 'node:crypto'
import type { Sink } from '@lifeboat/postgres/pipeline/run-pipeline.ts'
import type { ArtifactName, Sha256 } from '@lifeboat/shared/domain/ids.ts'
import type { Artifact, Part } from '@lifeboat/shared/domain/manifest.ts'
import { type OpenPart, openPart } from './open-part.ts'
import type { Spool, Spooled } from './spool.ts'

export interface PartWriterOptions {
  spool: Pick<Spool, 'room' | 'partBytes'>
  to: Pick<Spooled, 'folder'>
  artifact: ArtifactName
  signal: AbortSignal
  /** Whether a target may want the MD5 as well; asked for each part. */
  wantsMd5: () => boolean
  /** Called when the part's bytes are final; the next part is written meanwhile. */
  onPart: (part: Part) => Promise<void>
  onBytes?: (total: number) => void
}

export type Written = Pick<Artifact, 'bytes' | 'sha256' | 'parts'>

/**
 * A sink that cuts a stream into parts: hashed while written, fsynced, renamed from `.partial`. The last part is sealed only when the stream
 * ends well; on any failure what is unfinished is removed.
 *
 * @throws LifeboatError SPOOL_FULL | SPOOL_DISK_FULL; what the stream throws
 */
export function partWriter(opts: PartWriterOptions): Sink<Written> {
  return async (bytes) => {
    const whole = createHash('sha256')
    await using sealer = inTurn(opts.onPart)
    await using writing = {
      part: undefined as OpenPart | undefined,
      [Symbol.asyncDispose]: async () => writing.part?.discard(),
    }
    let total = 0
    let next = 0
    for await (const chunk of bytes) {
      whole.update(chunk)
      for (let at = 0; at < chunk.byteLength; ) {
        writing.part ??= await openPart(opts, next++)
        const piece = chunk.subarray(at, at + writing.part.left)
        await writing.part.write(piece)
        at += piece.byteLength
        if (writing.part.left > 0) continue
        await sealer.seal(writing.part)
        writing.part = undefined
      }
      total += chunk.byteLength
      opts.onBytes?.(total)
    }
    if (writing.part !== undefined) await sealer.seal(writing.part)
    writing.part = undefined
    const parts = await sealer.finish()
    return { bytes: total, sha256: whole.digest('hex') as Sha256, parts }
  }
}

/** Seals one part while the next is being written, and tells of them in order. */
function inTurn(onPart: (part: Part) => Promise<void>) {
  const parts: Part[] = []
  let sealing: Promise<void> = Promise.resolve()
  async function sealAndTell(part: OpenPart): Promise<void> {
    const sealed = await part.seal()
    parts.push(sealed)
    await onPart(sealed)
  }
  return {
    async seal(part: OpenPart): Promise<void> {
      await sealing.catch(async (err: unknown) => {
        await part.discard()
        throw err
      })
      sealing = sealAndTell(part)
      // Somebody awaits it before the next part or at the end; until then its failure must not count as unhandled.
      sealing.catch(() => {})
    },
    async finish(): Promise<Part[]> {
      await sealing
      return parts
    },
    async [Symbol.asyncDispose]() {
      await sealing.catch(() => {})
    },
  }
}
