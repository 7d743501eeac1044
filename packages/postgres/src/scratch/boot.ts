import type { ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { BootPlan } from './boot-plan.ts'
import { hasEnded, isReady, logTail, spawnServer, stopServer } from './start-server.ts'
import { copyTemplate, discardTemplate } from './template.ts'

/** A scratch server may take this long to answer; on a busy machine initdb alone takes some seconds. */
const START_MS = 120_000

/** Nothing of it has to survive a crash. */
export const CARELESS: Readonly<Record<string, string>> = {
  fsync: 'off',
  full_page_writes: 'off',
  synchronous_commit: 'off',
  shared_buffers: '128MB',
  maintenance_work_mem: '256MB',
  max_wal_size: '2GB',
  checkpoint_timeout: '1h',
  autovacuum: 'off',
}

/** Nobody but us may reach it, and it must start nothing by itself: no TCP, no libraries, no archiving, no subscriptions. */
const SETTINGS: Readonly<Record<string, string>> = {
  ...CARELESS,
  listen_addresses: '',
  unix_socket_permissions: '0700',
  shared_preload_libraries: '',
  wal_level: 'minimal',
  max_wal_senders: '0',
  archive_mode: 'off',
  max_logical_replication_workers: '0',
  max_connections: '30',
  // One fingerprint touches every table in one transaction.
  max_locks_per_transaction: '1024',
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
  const { folder, signal } = plan
  const settings = { ...SETTINGS, unix_socket_directories: plan.socketDir }
  const dataDir = join(folder, 'data')
  const server = await spawnServer({ ...plan, dataDir, settings })
  try {
    for (const until = Date.now() + START_MS; Date.now() < until; await pause(20)) {
      signal.throwIfAborted()
      if (hasEnded(server)) break
      if (await isReady(server, dataDir)) return server
    }
    throw new LifeboatError('DRILL_SCRATCH_UNAVAILABLE', { tool: 'postgres', log: await logTail(folder) })
  } catch (thrown) {
    await stopServer(server, 'immediate')
    throw thrown
  }
}
