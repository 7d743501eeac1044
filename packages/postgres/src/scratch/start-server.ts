import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { BASE_ENV } from '../tools/stage.ts'
import { unavailable } from './boot-plan.ts'
import type { Account } from './owner.ts'

/** A cluster and how to run a server on it. */
export interface ServerPlan {
  /** The program. */
  postgres: string
  dataDir: string
  /** Where the server writes `server.log`, and where it works. */
  folder: string
  account: Account
  /** They win over every file of the cluster. */
  settings: Readonly<Record<string, string>>
  /** Of a session of its own, so that it outlives us; default it dies with our terminal. */
  detached?: boolean
  signal: AbortSignal
}

/** Starts a server and does not wait for it to answer. @throws LifeboatError DRILL_SCRATCH_UNAVAILABLE – the program could not be started */
export async function spawnServer({ postgres, dataDir, folder, ...how }: ServerPlan): Promise<ChildProcess> {
  const args = Object.entries(how.settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const log = await open(join(folder, 'server.log'), 'a')
  const stdio = ['ignore', log.fd, log.fd] as const
  const server = spawn(postgres, ['-D', dataDir, ...args], {
    ...{
      ...how.account,
      cwd: folder,
      detached: how.detached === true,
      env: { ...BASE_ENV, TZ: 'UTC' },
      stdio: [...stdio],
    },
  })
  const started = once(server, 'spawn')
  await started.catch(unavailable('postgres', how.signal))
  await log.close()
  return server
}

/** The server writes `ready` into the eighth line of postmaster.pid when it accepts connections; one that recovers, when it is consistent. */
export async function isReady(server: ChildProcess, dataDir: string): Promise<boolean> {
  const lines = await readFile(join(dataDir, 'postmaster.pid'), 'utf8').then(
    (text) => text.split('\n'),
    () => [],
  )
  return lines[0] === String(server.pid) && lines[7]?.trim() === 'ready'
}

export function hasEnded(server: ChildProcess): boolean {
  return server.exitCode !== null || server.signalCode !== null
}

/** `immediate` leaves the files as they are, `fast` leaves a cluster that starts without recovery. */
export async function stopServer(server: ChildProcess, mode: 'fast' | 'immediate'): Promise<void> {
  if (hasEnded(server)) return
  const ended = once(server, 'exit')
  server.kill(mode === 'fast' ? 'SIGINT' : 'SIGQUIT')
  await ended
}

/** Last lines the server wrote. */
export async function logTail(folder: string, lines = 10): Promise<string> {
  const text = await readFile(join(folder, 'server.log'), 'utf8').catch(() => '')
  return text.trimEnd().split('\n').slice(-lines).join('\n')
}
