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
  return openPipes(1)[0] as PipeEnds
}

/** Several at once: each program that is started, `mkfifo` among them, holds up this process for some milliseconds. */
export function openPipes(count: number): PipeEnds[] {
  if (count === 0) return []
  const folder = mkdtempSync(join(tmpdir(), 'lifeboat-pipe-'))
  const opened: PipeEnds[] = []
  try {
    const paths = Array.from({ length: count }, (_, no) => join(folder, `fifo-${no}`))
    execFileSync('mkfifo', ['-m', '600', ...paths])
    for (const path of paths) opened.push(openEnds(path))
    return opened
  } catch (thrown) {
    for (const ends of opened) closePipe(ends)
    throw thrown
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function openEnds(path: string): PipeEnds {
  // Opening for writing waits for a reader, so a reader that does not wait goes first; the lasting ends are ordinary blocking ones.
  const helper = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  const write = openSync(path, constants.O_WRONLY)
  const read = openSync(path, constants.O_RDONLY)
  closeSync(helper)
  return { read, write }
}

export function closePipe(ends: PipeEnds): void {
  closeSync(ends.read)
  closeSync(ends.write)
}
