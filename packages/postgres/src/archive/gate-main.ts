import { readSync, writeSync } from 'node:fs'
import { archiveCheck } from './archive-check.ts'

/**
 * Passes a custom-format archive from standard input to standard output, reading along; writes its report to file descriptor 3.
 *
 * A program of its own between pg_dump and what follows: the bytes go by with plain blocking reads and writes, which costs a fifth of what
 * streams would, and the service's event loop never sees them. Exits 141 when its reader hung up, like a program killed by SIGPIPE.
 */
const BUFFER_BYTES = 256 * 1024
const READER_HUNG_UP = 141

function main(): number {
  const check = archiveCheck()
  const buffer = Buffer.allocUnsafe(BUFFER_BYTES)
  for (let filled = fill(buffer); filled > 0; filled = fill(buffer)) {
    const piece = buffer.subarray(0, filled)
    check.add(piece)
    if (!pass(piece)) return READER_HUNG_UP
  }
  writeAll(3, Buffer.from(JSON.stringify(check.report())))
  return 0
}

/** pg_dump writes 4 KiB at a time; reading until the buffer is full saves the next program most of its wake-ups. */
function fill(buffer: Buffer): number {
  let filled = 0
  while (filled < buffer.length) {
    const bytes = readSync(0, buffer, filled, buffer.length - filled, null)
    if (bytes === 0) break
    filled += bytes
  }
  return filled
}

function pass(piece: Buffer): boolean {
  try {
    writeAll(1, piece)
    return true
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === 'EPIPE') return false
    throw err
  }
}

function writeAll(fd: number, bytes: Buffer): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at)
}

process.exitCode = main()
