import { readFile, readlink } from 'node:fs/promises'

/** A process by more than its number, which may belong to somebody else by now. */
export interface ProcessMark {
  pid: number
  /** Where that pid means something: a PID namespace of one boot of one machine. undefined where the system does not tell. */
  place: string | undefined
  /** Clock ticks since boot at which the process began; undefined where the system does not tell, and when it is over. */
  startTicks: string | undefined
}

export async function markOf(pid: number): Promise<ProcessMark> {
  return { pid, place: await ownPlace(), startTicks: await startTicksOf(pid) }
}

/** Asked where its pid means something. */
export async function isRunning({ pid, startTicks }: Pick<ProcessMark, 'pid' | 'startTicks'>): Promise<boolean> {
  try {
    process.kill(pid, 0)
  } catch (err) {
    // EPERM: it lives, and is somebody else's.
    if ((err as NodeJS.ErrnoException).code !== 'EPERM') return false
  }
  return startTicks === undefined || startTicks === (await startTicksOf(pid))
}

/** @see https://man7.org/linux/man-pages/man7/pid_namespaces.7.html – the inode of the first namespace is the same on every machine */
export async function ownPlace(): Promise<string | undefined> {
  const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => undefined)
  const namespace = await readlink('/proc/self/ns/pid').catch(() => undefined)
  return boot === undefined || namespace === undefined ? undefined : `${boot.trim()} ${namespace}`
}

/** @see https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html – field 22; the name in field 2 may hold spaces and parentheses */
async function startTicksOf(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  // A zombie is dead; only its parent has not noticed.
  return state === 'Z' ? undefined : fields[18]
}
