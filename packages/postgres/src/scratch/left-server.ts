import { readFile, readlink, realpath } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

const LOOK_MS = 20

/**
 * The server that some process, perhaps a dead one, started on these data with `-D`: a pid alone may long be somebody else's, but a postmaster names
 * its data in its arguments.
 */
export async function leftServer(dataDir: string): Promise<number | undefined> {
  const pid = await pidIn(dataDir)
  if (pid === undefined) return undefined
  const args = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
  return args.split('\0').includes(dataDir) ? pid : undefined
}

/** What the server, or one that died, wrote down as its own. */
async function pidIn(dataDir: string): Promise<number | undefined> {
  const pid = Number((await readFile(join(dataDir, 'postmaster.pid'), 'utf8').catch(() => '')).split('\n')[0])
  return Number.isInteger(pid) && pid > 1 ? pid : undefined
}

/**
 * The server of any origin that works on these data, by whatever path it was started: a postmaster works in its data directory. Whose folder cannot be read may be one.
 */
export async function serverIn(dataDir: string): Promise<number | undefined> {
  const pid = await pidIn(dataDir)
  if (pid === undefined) return undefined
  try {
    const [works, real] = await Promise.all([readlink(`/proc/${pid}/cwd`), realpath(dataDir)])
    return works === real ? pid : undefined
  } catch (err) {
    return (err as NodeJS.ErrnoException).code === 'ENOENT' ? undefined : pid
  }
}

/** `immediate` leaves the files as they are, `fast` leaves a cluster that starts without recovery. Gives up waiting after `patienceMs`. */
export async function stopLeftServer(
  dataDir: string,
  { mode, patienceMs }: { mode: 'fast' | 'immediate'; patienceMs: number },
): Promise<void> {
  const until = Date.now() + patienceMs
  for (let asked = false; Date.now() < until; await pause(LOOK_MS)) {
    const pid = await leftServer(dataDir)
    if (pid === undefined) return
    if (!asked) quit(pid, mode === 'fast' ? 'SIGINT' : 'SIGQUIT')
    asked = true
  }
}

function quit(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // It ended between two looks.
  }
}
