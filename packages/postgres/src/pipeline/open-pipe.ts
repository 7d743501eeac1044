import { execFileSync } from 'node:child_process'
import { closeSync, constants, mkdtempSync, openSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Both ends of an anonymous pipe; whoever opened it closes them once the programs have theirs. */
export interface PipeEnds {
  readonly read: number
  readonly write: number
}

/**
 * A pipe between two programs. Node joins children by socket pairs only, and those answer a writer whose reader died with a connection
 * reset, where a pipe sends the SIGPIPE that blame rests on. A FIFO opened at both ends and removed is a pipe.
 */
export function openPipe(): PipeEnds {
  const folder = mkdtempSync(join(tmpdir(), 'lifeboat-pipe-'))
  try {
    const path = join(folder, 'fifo')
    execFileSync('mkfifo', ['-m', '600', path])
    // Opening for writing waits for a reader, so a reader that does not wait goes first; the lasting ends are ordinary blocking ones.
    const helper = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
    const write = openSync(path, constants.O_WRONLY)
    const read = openSync(path, constants.O_RDONLY)
    closeSync(helper)
    return { read, write }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

export function closePipe(ends: PipeEnds): void {
  closeSync(ends.read)
  closeSync(ends.write)
}
