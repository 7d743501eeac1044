import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { BASE_ENV } from '../tools/stage.ts'
import { type BootPlan, unavailable } from './boot-plan.ts'
import { copyTemplate, discardTemplate } from './template.ts'

/** A scratch server may take this long to answer; on a busy machine initdb alone takes some seconds. */
const START_MS = 120_000

/**
 * Nothing of it has to survive a crash, nobody but us may reach it, and it must start nothing by itself: no TCP, no libraries, no
 * archiving, no subscriptions.
 */
const SETTINGS: Readonly<Record<string, string>> = {
  listen_addresses: '',
  unix_socket_permissions: '0700',
  shared_preload_libraries: '',
  fsync: 'off',
  full_page_writes: 'off',
  synchronous_commit: 'off',
  wal_level: 'minimal',
  max_wal_senders: '0',
  archive_mode: 'off',
  max_logical_replication_workers: '0',
  max_connections: '30',
  // One fingerprint touches every table in one transaction.
  max_locks_per_transaction: '1024',
  shared_buffers: '128MB',
  maintenance_work_mem: '256MB',
  max_wal_size: '2GB',
  checkpoint_timeout: '1h',
  autovacuum: 'off',
  lc_messages: 'C',
  log_timezone: 'UTC',
}

/** A new cluster from the template, running. A template whose copy does not start is made anew, once. */
export async function bootCluster(plan: BootPlan): Promise<ChildProcess> {
  const template = await copyTemplate(plan)
  try {
    return await startServer(plan)
  } catch (thrown) {
    if (!template.used || plan.signal.aborted) throw thrown
    await discardTemplate(template, plan)
    await copyTemplate(plan)
    return await startServer(plan)
  }
}

/** Starts the server and waits until it answers. */
async function startServer(plan: BootPlan): Promise<ChildProcess> {
  const { folder, socketDir, account, signal } = plan
  const settings = { ...SETTINGS, unix_socket_directories: socketDir }
  const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const log = await open(join(folder, 'server.log'), 'a')
  const stdio = ['ignore', log.fd, log.fd] as const
  const server = spawn(plan.postgres, ['-D', join(folder, 'data'), ...args], {
    ...{ ...account, cwd: folder, env: { ...BASE_ENV, TZ: 'UTC' }, stdio: [...stdio] },
  })
  const started = once(server, 'spawn')
  await started.catch(unavailable('postgres', signal))
  await log.close()
  try {
    await becameReady(server, folder, signal)
  } catch (thrown) {
    await stopServer(server, 'immediate')
    throw thrown
  }
  return server
}

/** The server writes `ready` into the eighth line of postmaster.pid when it accepts connections. */
async function becameReady(server: ChildProcess, folder: string, signal: AbortSignal): Promise<void> {
  for (const until = Date.now() + START_MS; Date.now() < until; await pause(20)) {
    signal.throwIfAborted()
    if (hasEnded(server)) break
    const lines = await readFile(join(folder, 'data', 'postmaster.pid'), 'utf8').then(
      (text) => text.split('\n'),
      () => [],
    )
    if (lines[0] === String(server.pid) && lines[7]?.trim() === 'ready') return
  }
  throw new LifeboatError('DRILL_SCRATCH_UNAVAILABLE', { tool: 'postgres', log: await logTail(folder) })
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
export async function logTail(folder: string): Promise<string> {
  const text = await readFile(join(folder, 'server.log'), 'utf8').catch(() => '')
  return text.trimEnd().split('\n').slice(-10).join('\n')
}
