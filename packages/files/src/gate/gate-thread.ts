import { on } from 'node:events'
import { closeSync, openSync, writeSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { archiveGate } from './archive-gate.ts'
import { FolderSnapshot } from './folder-snapshot.ts'
import { Frames } from './frames.ts'
import type { GateReport } from './gate-report.ts'
import { type FilledPiece, FRAME_BYTES, LANES } from './gate-sizes.ts'
import { TextPieces } from './text-pieces.ts'

const ARCHIVE_FD = 1
const REPORT_FD = 3
const LIST_FD = 4
/** Half of the list is digests, of which nothing is to be had: higher levels take twice the time, and what they make of it is no smaller. */
const LIST_LEVEL = 1
const READER_HUNG_UP = 141

const port = parentPort as MessagePort
/** The memory of the thread that fills it. */
const shared = (workerData as readonly Uint8Array[]).map(({ buffer }) => Buffer.from(buffer))
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
  const archive = new Frames({ fd: ARCHIVE_FD, level: Number(values.level), lanes: LANES })
  const list = new Frames({ fd: LIST_FD, level: LIST_LEVEL, lanes: 1 })
  const lines = new TextPieces()
  const listed = async (pieces: readonly Buffer[]) => {
    for (const piece of pieces) await list.add(piece, () => lines.giveBack(piece))
  }
  const snapshot = openSnapshot()
  const gate = archiveGate({
    line: (text) => lines.add(text),
    member: (member) => snapshot?.member(member),
  })
  try {
    for await (const { no, bytes } of pieces()) {
      const piece = shared[no]?.subarray(0, bytes) as Buffer
      gate.add(piece)
      await archive.add(piece, () => port.postMessage(no))
      await listed(lines.full())
    }
    await listed(lines.rest())
    snapshot?.end()
    await Promise.all([archive.end(), list.end()])
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === 'EPIPE') return READER_HUNG_UP
    throw err
  }
  const mounts = snapshot?.mounts ?? { count: 0, paths: [] }
  writeSync(REPORT_FD, JSON.stringify({ ...gate.report(), mounts } satisfies GateReport))
  // Whoever reads goes on while the memory of this process is taken down.
  for (const fd of [ARCHIVE_FD, LIST_FD, REPORT_FD]) closeSync(fd)
  return 0
}

async function* pieces(): AsyncGenerator<FilledPiece> {
  for await (const [piece] of on(port, 'message') as AsyncIterable<[FilledPiece]>) {
    yield piece
    if (piece.bytes < FRAME_BYTES) return
  }
}

function openSnapshot(): FolderSnapshot | undefined {
  const { snapshot, root, 'started-ms': startedMs, 'one-filesystem': oneFilesystem } = values
  if (snapshot === undefined) return undefined
  const fd = openSync(snapshot, 'w', 0o600)
  return new FolderSnapshot({ root, startedMs: Number(startedMs), fd, oneFilesystem })
}

process.exit(await main())
