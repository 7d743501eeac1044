import { chown, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { SourceConnection } from '@lifeboat/postgres/connection.ts'
import type { Account } from '@lifeboat/postgres/scratch/owner.ts'
import { runToEnd } from '@lifeboat/postgres/scratch/run-to-end.ts'
import { SCRATCH_PORT, scratchConnection } from '@lifeboat/postgres/scratch/scratch-server.ts'
import { hasEnded, isReady, logTail, spawnServer, stopServer } from '@lifeboat/postgres/scratch/start-server.ts'
import type { PostgresTools } from '@lifeboat/postgres/tools/find-tools.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { LOCAL_HBA } from '../recover/recovery-settings.ts'

/** Nobody but us may come in while it is filled; it is made for loading, and does not care for its own convenience. */
const FILLING: Readonly<Record<string, string>> = {
  listen_addresses: '',
  unix_socket_permissions: '0700',
  port: String(SCRATCH_PORT),
  autovacuum: 'off',
  maintenance_work_mem: '256MB',
  max_wal_size: '4GB',
  max_locks_per_transaction: '1024',
  wal_level: 'minimal',
  max_wal_senders: '0',
  archive_mode: 'off',
  max_logical_replication_workers: '0',
  lc_messages: 'C',
  log_timezone: 'UTC',
}

export interface FreshServer extends AsyncDisposable {
  connection(database: string): SourceConnection
  /** Everything is on the disk afterwards. */
  stop(): Promise<void>
}

export interface FreshOptions {
  dataDir: string
  /** For its log and the access rules while it is filled. */
  folder: string
  socketDir: string
  /** Name of the role initdb makes: grants are recorded as given by it. */
  superuser: string
  account: Account
  tools: PostgresTools
  signal: AbortSignal
}

/**
 * A new cluster, with checksums, whose data are kept: unlike a scratch server it writes safely. Disposing stops it.
 *
 * @throws LifeboatError RECOVERY_REFUSED
 */
export async function bootFresh(opts: FreshOptions): Promise<FreshServer> {
  const { dataDir, folder, socketDir, superuser, account, tools, signal } = opts
  const [initdb, postgres] = [await tools.program('initdb'), await tools.program('postgres')]
  const args = ['-D', dataDir, '-U', superuser, '-E', 'UTF8', '--locale=C', '--data-checksums', ...ACCESS]
  await runToEnd(initdb.path, args, { ...account, cwd: folder, signal }).catch((cause) => {
    signal.throwIfAborted()
    throw new LifeboatError(
      'RECOVERY_REFUSED',
      { tool: 'initdb', message: String(cause.stderr ?? cause.message).trim() },
      { cause },
    )
  })
  const hba = join(folder, 'filling_hba.conf')
  await writeFile(hba, LOCAL_HBA, { mode: 0o600 })
  if (process.getuid?.() === 0) await chown(hba, account.uid, account.gid)
  const settings = { ...FILLING, unix_socket_directories: socketDir, hba_file: hba }
  const server = await spawnServer({ postgres: postgres.path, dataDir, folder, account, settings, signal })
  try {
    while (!(await isReady(server, dataDir))) {
      signal.throwIfAborted()
      if (hasEnded(server)) throw new LifeboatError('RECOVERY_REFUSED', { log: await logTail(folder) })
      await pause(50)
    }
  } catch (thrown) {
    await stopServer(server, 'immediate')
    throw thrown
  }
  return {
    connection: (database) => scratchConnection(socketDir, database, superuser),
    stop: () => stopServer(server, 'fast'),
    [Symbol.asyncDispose]: () => stopServer(server, 'immediate'),
  }
}

/** For whoever uses it afterwards: the operating system's word on the socket, passwords elsewhere. */
const ACCESS = ['--auth-local=peer', '--auth-host=scram-sha-256']
