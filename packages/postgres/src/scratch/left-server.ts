import { readdir, readFile, readlink, realpath } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

const LOOK_MS = 20

/**
 * The server that some process, perhaps a dead one, started on these data with `-D`: a pid alone may long be somebody else's, but a postmaster names
 * its data in its arguments.
 */
export async function leftServer(dataDir: string): Promise<number | undefined> {
  const pid = await pidIn(dataDir)
  if (pid === undefined) return undefined
  return (await argumentsOf(pid)).includes(dataDir) ? pid : undefined
}

/** Servers and initdbs that were started with `-D` on data below a folder: one that has only begun has not written down its pid yet, so only its arguments tell. */
async function beginnersBelow(folder: string): Promise<number[]> {
  const pids = (await readdir('/proc').catch(() => [])).map(Number).filter((pid) => pid > 1)
  const isBelow = async (pid: number) => {
    const args = await argumentsOf(pid)
    const dataDir = args[args.indexOf('-D') + 1]
    return args.includes('-D') && dataDir !== undefined && !relative(folder, dataDir).startsWith('..')
  }
  const found = await Promise.all(pids.map(isBelow))
  return pids.filter((_, no) => found[no])
}

async function argumentsOf(pid: number): Promise<string[]> {
  return (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0')
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

/** Whatever works on data below a folder whose maker is dead, at once. Gives up waiting after `patienceMs`. */
export async function stopBelow(folder: string, { patienceMs }: { patienceMs: number }): Promise<void> {
  const asked = new Set<number>()
  for (const until = Date.now() + patienceMs; Date.now() < until; await pause(LOOK_MS)) {
    const pids = await beginnersBelow(folder)
    if (pids.length === 0) return
    for (const pid of pids) if (!asked.has(pid)) quit(pid, 'SIGQUIT')
    for (const pid of pids) asked.add(pid)
  }
}

function quit(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // It ended between two looks.
  }
}
