import { createHash } from 'node:crypto'
import { open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Md5, Sha256 } from '@lifeboat/shared/domain/ids.ts'
import type { Part } from '@lifeboat/shared/domain/manifest.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { inSpool, PARTIAL, partName, renameDurably } from './files.ts'
import { gatheredFile } from './gathered-file.ts'
import type { PartWriterOptions } from './part-writer.ts'

/** A part that is being written under its temporary name. */
export interface OpenPart {
  /** Bytes that still fit. */
  readonly left: number
  /** The piece must not change afterwards: it may be written later. */
  write(piece: Uint8Array): Promise<void>
  /** Makes it final: on the disk, under its own name. Failing removes it. */
  seal(): Promise<Part>
  /** Removes it and gives its room back; does nothing to a part that is sealed or discarded already. */
  discard(): Promise<void>
}

/**
 * Waits for the room of a whole part before it is opened, so that several writers can never block each other with halves.
 *
 * @throws LifeboatError SPOOL_FULL | SPOOL_DISK_FULL; the signal's reason
 */
export async function openPart(opts: PartWriterOptions, no: number): Promise<OpenPart> {
  const { partBytes, room } = opts.spool
  const path = join(opts.to.folder, partName(opts.artifact, no))
  await room.take(partBytes, opts.signal)
  const handle = await inSpool(() => open(path + PARTIAL, 'w', 0o600)).catch((err: unknown) => {
    room.give(partBytes)
    throw err
  })
  const file = gatheredFile(handle)
  const sha256 = createHash('sha256')
  const md5 = opts.wantsMd5() ? createHash('md5') : undefined
  let bytes = 0
  let settled = false

  async function discard(): Promise<void> {
    if (settled) return
    settled = true
    await file.flush().catch(() => {})
    await handle.close().catch(() => {})
    await rm(path + PARTIAL, { force: true })
    room.give(partBytes)
  }
  async function finalise(): Promise<void> {
    await file.flush()
    await handle.sync()
    const { size } = await handle.stat()
    await handle.close()
    if (size !== bytes)
      throw new LifeboatError('INTERNAL', { message: 'a part is not as long as written', size, bytes })
    await renameDurably(path + PARTIAL, path)
  }
  return {
    get left() {
      return partBytes - bytes
    },
    async write(piece) {
      sha256.update(piece)
      md5?.update(piece)
      await file.write(piece)
      bytes += piece.byteLength
    },
    async seal() {
      await inSpool(finalise).catch(async (err: unknown) => {
        await discard()
        throw err
      })
      settled = true
      room.give(partBytes - bytes)
      const withMd5 = md5 && { md5: md5.digest('hex') as Md5 }
      return { no, bytes, sha256: sha256.digest('hex') as Sha256, ...withMd5 }
    },
    discard,
  }
}
