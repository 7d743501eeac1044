import { readSync, writeSync } from 'node:fs'
import { archiveGate } from './archive-gate.ts'

/**
 * Passes a tar archive from standard input to standard output, reading along; writes the list of its members to file descriptor 4 and its report
 * to 3.
 *
 * A program of its own between tar and what follows, with plain blocking reads and writes, as the gate behind pg_dump is. Exits 141 when its
 * reader hung up, like a program killed by SIGPIPE.
 */
const BUFFER_BYTES = 1024 * 1024
const LINES_BYTES = 64 * 1024
const READER_HUNG_UP = 141

function main(): number {
  let waiting: string[] = []
  let waitingLength = 0
  const flush = () => {
    writeAll(4, Buffer.from(waiting.join('')))
    waiting = []
    waitingLength = 0
  }
  const gate = archiveGate((text) => {
    waiting.push(text)
    waitingLength += text.length
    if (waitingLength >= LINES_BYTES) flush()
  })
  const buffer = Buffer.allocUnsafe(BUFFER_BYTES)
  try {
    for (let bytes = read(buffer); bytes > 0; bytes = read(buffer)) {
      const piece = buffer.subarray(0, bytes)
      // What comes next can be at work already while this is looked at.
      writeAll(1, piece)
      gate.add(piece)
    }
    flush()
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === 'EPIPE') return READER_HUNG_UP
    throw err
  }
  writeAll(3, Buffer.from(JSON.stringify(gate.report())))
  return 0
}

/** A pipe gives 64 KiB at most; reading on until a good part is full saves the next program wake-ups. */
function read(buffer: Buffer): number {
  let filled = 0
  while (filled < buffer.length / 2) {
    const bytes = readSync(0, buffer, filled, buffer.length - filled, null)
    if (bytes === 0) break
    filled += bytes
  }
  return filled
}

function writeAll(fd: number, bytes: Buffer): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at)
}

process.exitCode = main()
