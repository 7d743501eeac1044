import { execFile } from 'node:child_process'
import { chown, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Account } from '@lifeboat/postgres/scratch/owner.ts'
import type { PostgresTools } from '@lifeboat/postgres/tools/find-tools.ts'
import { BASE_ENV } from '@lifeboat/postgres/tools/stage.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { isThere } from '../swap/swap-places.ts'
import { floorsOf, LOCAL_HBA } from './recovery-settings.ts'

const execute = promisify(execFile)

/** What the start of a recovering server needs to know of its cluster. */
export interface Prepared {
  /** Settings the replay needs at least this high. */
  floors: Record<string, number>
  /** Settings that name the server's own configuration files; those the backup brought are left as they are and not read. */
  files: Record<'config_file' | 'hba_file' | 'ident_file', string>
}

/**
 * Makes an extracted cluster one that recovers and does nothing else: no standby, even if its original was one, and configured from outside.
 *
 * @param folder where the configuration files go
 */
export async function prepareCluster(
  dataDir: string,
  folder: string,
  by: { account: Account; tools: PostgresTools },
): Promise<Prepared> {
  await rm(join(dataDir, HOLD), { force: true })
  await rm(join(dataDir, 'postmaster.pid'), { force: true })
  await writeOwned(join(dataDir, 'recovery.signal'), '', by.account)
  return configureApart(dataDir, folder, by)
}

const HOLD = 'standby.signal'

/**
 * Lets a prepared cluster wait for WAL that never comes, behind the last record it has. As long as the file is there PostgreSQL does not look for `recovery.signal`, which stays: that it has not
 * been promoted is told by that.
 */
export function holdAtEnd(dataDir: string, account: Account): Promise<void> {
  return writeOwned(join(dataDir, HOLD), '', account)
}

/** Of a cluster that was prepared. */
export function holdsAtEnd(dataDir: string): Promise<boolean> {
  return isThere(join(dataDir, HOLD))
}

/** Configuration from outside, and nothing else. @param hba who may come in */
export async function configureApart(
  dataDir: string,
  folder: string,
  { account, tools }: { account: Account; tools: PostgresTools },
  hba = LOCAL_HBA,
): Promise<Prepared> {
  const files = {
    config_file: join(folder, 'recovery.conf'),
    hba_file: join(folder, 'recovery_hba.conf'),
    ident_file: join(folder, 'recovery_ident.conf'),
  }
  await writeOwned(files.config_file, '# Everything is said on the command line.\n', account)
  await writeOwned(files.hba_file, hba, account)
  await writeOwned(files.ident_file, '', account)
  return { files, floors: await readFloors(dataDir, tools) }
}

async function readFloors(dataDir: string, tools: PostgresTools): Promise<Record<string, number>> {
  const { path } = await tools.program('pg_controldata')
  const { stdout } = await execute(path, ['-D', dataDir], { env: { ...BASE_ENV } }).catch((cause: Error) => {
    throw new LifeboatError('RECOVERY_REFUSED', { tool: 'pg_controldata', message: cause.message }, { cause })
  })
  return floorsOf(stdout)
}

async function writeOwned(path: string, text: string, { uid, gid }: Account): Promise<void> {
  await writeFile(path, text, { mode: 0o600 })
  if (process.getuid?.() === 0) await chown(path, uid, gid)
}
