import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { leftServer } from '@lifeboat/postgres/scratch/left-server.ts'
import { until } from '@lifeboat/testkit/eventually.ts'

/** Kills a server, and waits for the last of its processes: until that is gone no server starts on what they share. */
export async function killServerIn(dataDir: string): Promise<void> {
  const pid = (await leftServer(dataDir)) as number
  const processes = [pid, ...childrenOf(pid)]
  process.kill(pid, 'SIGKILL')
  await until(
    () => processes.filter(runs),
    (left) => left.length === 0,
  )
}

function childrenOf(pid: number): number[] {
  return execFileSync('ps', ['-o', 'pid=', '--ppid', String(pid)], { encoding: 'utf8' })
    .trim()
    .split(/\s+/)
    .map(Number)
}

/** One that nobody has waited for yet has no command line any more. */
function runs(pid: number): boolean {
  const file = `/proc/${pid}/cmdline`
  try {
    return readFileSync(file, 'utf8') !== ''
  } catch {
    return false
  }
}
