import type { FileHandle } from 'node:fs/promises'
import { inSpool } from './files.ts'

const GATHER_BYTES = 512 * 1024

/** A file that is written at its end, in few large steps. */
export interface GatheredFile {
  /** Takes a piece over; waits only while an earlier step is still under way. */
  write(piece: Uint8Array): Promise<void>
  /** Resolves when the system has everything that was taken over. */
  flush(): Promise<void>
}

/**
 * One write for half a megabyte instead of one for every packet of a pipe, and the next half megabyte is gathered meanwhile: a step through the
 * thread pool costs more than the copying.
 *
 * A step that fails is thrown by the next call; nothing after it is written.
 *
 * @param written called with each piece when the system has it: nobody here looks at it any more
 * @throws LifeboatError SPOOL_DISK_FULL
 */
export function gatheredFile(handle: FileHandle, written: (piece: Uint8Array) => void = () => {}): GatheredFile {
  let pieces: Uint8Array[] = []
  let bytes = 0
  let underWay: Promise<void> = Promise.resolve()

  async function step(): Promise<void> {
    await underWay
    const taken = pieces
    pieces = []
    bytes = 0
    underWay = inSpool(() => writeAll(handle, taken)).then(() => {
      for (const piece of taken) written(piece)
    })
    // Whoever writes or flushes next awaits it; until then its failure must not count as unhandled.
    underWay.catch(() => {})
  }
  return {
    async write(piece) {
      pieces.push(piece)
      bytes += piece.byteLength
      if (bytes >= GATHER_BYTES) await step()
    },
    async flush() {
      if (bytes > 0) await step()
      await underWay
    },
  }
}

/** The system may take less than it was given, as a disk does that is nearly full. */
export async function writeAll(handle: FileHandle, pieces: readonly Uint8Array[]): Promise<void> {
  const bytes = pieces.reduce((sum, piece) => sum + piece.byteLength, 0)
  const { bytesWritten } = await handle.writev(pieces)
  if (bytesWritten < bytes) await handle.writeFile(Buffer.concat(pieces).subarray(bytesWritten))
}
