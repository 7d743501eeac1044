import { execFile } from 'node:child_process'
import { appendFile, chown, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Account } from '@lifeboat/postgres/scratch/owner.ts'
import type { PostgresTools } from '@lifeboat/postgres/tools/find-tools.ts'
import { BASE_ENV } from '@lifeboat/postgres/tools/stage.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'

const execute = promisify(execFile)

/** A cluster that must not meddle with what its original left behind: it archives nowhere, follows nobody, and waits for no standby. */
const ALONE: Readonly<Record<string, string>> = {
  archive_mode: 'off',
  archive_command: '',
  restore_command: '',
  primary_conninfo: '',
  primary_slot_name: '',
  synchronous_standby_names: '',
  recovery_target: '',
  recovery_target_time: '',
  recovery_target_lsn: '',
  recovery_target_xid: '',
  recovery_target_name: '',
}

const DEFAULTS: Readonly<Record<string, string>> = {
  'postgresql.conf':
    '# The source kept its configuration outside the data directory. What was backed up of it lies in ../config.\n',
  'pg_hba.conf': 'local all all peer\nhost all all 127.0.0.1/32 scram-sha-256\nhost all all ::1/128 scram-sha-256\n',
  'pg_ident.conf': '',
}

/** Makes a stopped cluster one that its owner can start: on its own, and with configuration files if it has none inside. */
export async function settleCluster(dataDir: string, account: Account, port: number | undefined): Promise<void> {
  const settings = { ...ALONE, ...(port === undefined ? {} : { port: String(port) }) }
  const lines = Object.entries(settings).map(([name, value]) => `${name} = '${value}'`)
  const auto = join(dataDir, 'postgresql.auto.conf')
  await appendFile(auto, `\n# By lifeboat recover; ALTER SYSTEM RESET undoes each.\n${lines.join('\n')}\n`)
  await own(auto, account)
  for (const [name, text] of Object.entries(DEFAULTS)) {
    const path = join(dataDir, name)
    if ((await readFile(path).catch(() => undefined)) !== undefined) continue
    await writeFile(path, text, { mode: 0o600 })
    await own(path, account)
  }
}

/**
 * Starts a settled cluster with its own configuration and waits until it answers. It outlives us.
 *
 * @throws LifeboatError RECOVERY_REFUSED with the last lines of its log
 */
export async function startSettled(dataDir: string, account: Account, tools: PostgresTools): Promise<void> {
  const { path } = await tools.program('pg_ctl')
  const log = join(dataDir, '..', 'server.log')
  await writeFile(log, '', { mode: 0o600 })
  await own(log, account)
  const args = ['-D', dataDir, '-l', log, '-w', '-t', '3600', 'start']
  await execute(path, args, { ...account, cwd: dataDir, env: { ...BASE_ENV } }).catch(async (cause: Error) => {
    const tail = (await readFile(log, 'utf8').catch(() => '')).trimEnd().split('\n').slice(-10).join('\n')
    throw new LifeboatError(
      'RECOVERY_REFUSED',
      { problem: 'it does not start with its own configuration', log: tail },
      { cause },
    )
  })
}

async function own(path: string, { uid, gid }: Account): Promise<void> {
  if (process.getuid?.() === 0) await chown(path, uid, gid)
}
