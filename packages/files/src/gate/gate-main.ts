import { openSync, readSync, writeSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { setImmediate } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { archiveGate } from './archive-gate.ts'
import { FolderSnapshot } from './folder-snapshot.ts'
import { Frames } from './frames.ts'
import type { GateReport } from './gate-report.ts'

/**
 * Compresses a tar archive from standard input to standard output, reading along; writes the list of its members, compressed too, to file descriptor
 * 4 and its report to 3.
 *
 * A program of its own behind tar, with plain blocking reads and writes: hundreds of thousands of members pass in a second, and the agent's event
 * loop sees none of them. Exits 141 when its reader hung up, like a program killed by SIGPIPE.
 */
const ARCHIVE_FD = 1
const LIST_FD = 4
const LINES_LENGTH = 1024 * 1024
/** What is read stays in the cache of the processor while it is looked at. */
const STEP_BYTES = 512 * 1024
const READER_HUNG_UP = 141
/** More would hold more memory than they gain: nobody reads a tree as fast as eight cores compress it. */
const MOST_LANES = 8

const { values } = parseArgs({
  options: {
    level: { type: 'string', default: '3' },
    /** Where the snapshot for later incrementals goes; default nowhere. */
    snapshot: { type: 'string' },
    root: { type: 'string', default: '' },
    'started-ms': { type: 'string', default: '' },
    'one-filesystem': { type: 'boolean', default: false },
  },
})

async function main(): Promise<number> {
  const frames = new Frames(Number(values.level), Math.min(availableParallelism(), MOST_LANES))
  let lines = ''
  const listed = async () => {
    const text = Buffer.from(lines)
    lines = ''
    await frames.add(LIST_FD, text)
  }
  const snapshot = openSnapshot()
  const gate = archiveGate({
    line(text) {
      lines += text
    },
    member: (member) => snapshot?.member(member),
  })
  try {
    for (let isMore = true; isMore; ) {
      const buffer = frames.room()
      let filled = 0
      while (isMore && filled < buffer.length) {
        const step = read(buffer.subarray(filled, filled + STEP_BYTES))
        gate.add(step)
        filled += step.length
        isMore = step.length > 0
        if (lines.length >= LINES_LENGTH) await listed()
        // The threads that compress hand over what they have only when nothing else runs.
        await setImmediate()
      }
      await frames.add(ARCHIVE_FD, buffer.subarray(0, filled), buffer)
    }
    await listed()
    snapshot?.end()
    await frames.end()
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === 'EPIPE') return READER_HUNG_UP
    throw err
  }
  const mounts = snapshot?.mounts ?? { count: 0, paths: [] }
  writeSync(3, JSON.stringify({ ...gate.report(), mounts } satisfies GateReport))
  return 0
}

function openSnapshot(): FolderSnapshot | undefined {
  const { snapshot, root, 'started-ms': startedMs, 'one-filesystem': oneFilesystem } = values
  if (snapshot === undefined) return undefined
  const fd = openSync(snapshot, 'w', 0o600)
  return new FolderSnapshot({ root, startedMs: Number(startedMs), fd, oneFilesystem })
}

/** Fills a buffer as far as there is something; a pipe gives 64 KiB at most. @returns the part that was filled */
function read(into: Buffer): Buffer {
  let filled = 0
  while (filled < into.length) {
    const bytes = readSync(0, into, filled, into.length - filled, null)
    if (bytes === 0) break
    filled += bytes
  }
  return into.subarray(0, filled)
}

process.exitCode = await main()
