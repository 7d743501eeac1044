import { once } from 'node:events'
import { readSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { type FilledPiece, FRAME_BYTES, LANES } from './gate-sizes.ts'

/**
 * Compresses a tar archive from standard input to standard output, reading along; writes the list of its members, compressed too, to file descriptor
 * 4 and its report to 3. Exits 141 when its reader hung up, like a program killed by SIGPIPE.
 *
 * A program of its own behind tar: hundreds of thousands of members pass in a second, and the agent's event loop sees none of them. This thread only
 * reads, and is there before the other has loaded anything: a pipe holds 64 KiB, and tar stands still when they are full. It is this one that waits in
 * plain blocking reads, because a thread that does could not be ended by another.
 */
/** One is read into, one looked at, the rest compressed. */
const PIECES = LANES + 2
/** So often it is looked whether the other thread has ended. */
const STEP_BYTES = 512 * 1024

const pieces = Array.from({ length: PIECES }, () => new Uint8Array(new SharedArrayBuffer(FRAME_BYTES)))
// NOTE: a thread that may print makes a stream of our standard output, and whoever writes to its descriptor is then refused when the pipe is full.
const options = { argv: process.argv.slice(2), stdout: true, stderr: true, workerData: pieces }
const gate = new Worker(new URL('./gate-thread.ts', import.meta.url), options)
const free = [...pieces.keys()]
gate.on('message', (no: number) => void free.push(no))
// NOTE: not left to Node: what waits for a message is told of it too, and may get to say so only after the thread's end has ended the process.
gate.on('error', (err) => {
  console.error(err)
  process.exit(1)
})
gate.on('exit', (code) => process.exit(code))

for (let isMore = true; isMore; ) {
  while (free.length === 0) await once(gate, 'message')
  const no = free.pop() as number
  const piece = pieces[no] as Uint8Array
  let filled = 0
  while (isMore && filled < piece.length) {
    const bytes = read(piece.subarray(filled, filled + STEP_BYTES))
    filled += bytes
    isMore = bytes > 0
    await setImmediate()
  }
  gate.postMessage({ no, bytes: filled } satisfies FilledPiece)
}

/** Fills a buffer as far as there is something; a pipe gives 64 KiB at most. */
function read(into: Uint8Array): number {
  let filled = 0
  while (filled < into.length) {
    const bytes = readSync(0, into, filled, into.length - filled, null)
    if (bytes === 0) break
    filled += bytes
  }
  return filled
}
