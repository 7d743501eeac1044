import { chmod, chown, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { serverAccount } from '@lifeboat/postgres/scratch/owner.ts'
import { bytesBelow, program, versionOf } from '../support/programs.ts'
import type { OpenPeer } from './peer.ts'

/** Since which version a changed file is stored by its changed blocks. */
const BLOCK_INCREMENTAL_SINCE = 2.46

const CIPHER = 'repo1-cipher-type=aes-256-cbc\nrepo1-cipher-pass=only-for-the-benchmark\n'

function goalOf(until: string | undefined): string[] {
  return until === undefined ? ['--type=immediate'] : ['--type=time', `--target=${until}`]
}

/** pgBackRest with a repository on this disk: bundles, block incrementals where the version has them, zstd. */
export const openPgBackRest: OpenPeer = async ({ postgres, folder, level, processes, asyncPush, encrypt }) => {
  const version = await versionOf('pgbackrest', ['version'], /pgBackRest ([\d.]+)/)
  if (version === undefined) return undefined
  // The server pushes its WAL by it, so everything belongs to the server's account.
  const account = serverAccount()
  await chmod(folder, 0o755)
  for (const name of ['lock', 'log', 'spool', 'repo']) {
    await mkdir(join(folder, name), { recursive: true })
    if (process.getuid?.() === 0) await chown(join(folder, name), account.uid, account.gid)
  }
  const config = join(folder, 'pgbackrest.conf')
  const block = Number(version.split('.').slice(0, 2).join('.')) >= BLOCK_INCREMENTAL_SINCE
  await writeFile(
    config,
    `[global]
repo1-path=${folder}/repo
repo1-bundle=y
${block ? 'repo1-block=y\n' : ''}repo1-retention-full=9
compress-type=zst
compress-level=${level}
process-max=${processes}
start-fast=y
${asyncPush ? 'archive-async=y\n' : ''}${encrypt ? CIPHER : ''}lock-path=${folder}/lock
log-path=${folder}/log
spool-path=${folder}/spool
log-level-console=warn
[bench]
pg1-path=${postgres.dataDir}
pg1-socket-path=${postgres.socketDir}
pg1-port=${postgres.port}
pg1-user=postgres
`,
  )
  const run = (...args: string[]) => program('pgbackrest', [`--config=${config}`, '--stanza=bench', ...args], account)
  await run('stanza-create')
  const push = `pgbackrest --config=${config} --stanza=bench archive-push %p`
  for (const setting of ['archive_mode = on', `archive_command = '${push}'`])
    await postgres.query('postgres', `ALTER SYSTEM SET ${setting}`)
  await postgres.restart()
  return {
    name: `pgBackRest ${version}${encrypt ? ', encrypted' : ''}${block ? '' : ' (too old for block incrementals)'}`,
    incremental: true,
    backup: (type) => run(`--type=${type === 'full' ? 'full' : 'incr'}`, 'backup'),
    repositoryBytes: () => bytesBelow(join(folder, 'repo', 'backup')),
    restore: (dataDir, until) => run(`--pg1-path=${dataDir}`, ...goalOf(until), '--target-action=promote', 'restore'),
    async [Symbol.asyncDispose]() {},
  }
}
