import { appendFile, chown, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { serverAccount } from '@lifeboat/postgres/scratch/owner.ts'
import { bytesBelow, output, program } from '../support/programs.ts'
import type { OpenPeer } from './peer.ts'

/** What everybody has: pg_basebackup, zstd, age and tar in pipes, and the same for each segment of WAL. */
export const openStock: OpenPeer = async ({ postgres, folder, level, processes }) => {
  const account = serverAccount()
  const own = async (path: string) => {
    if (process.getuid?.() === 0) await chown(path, account.uid, account.gid)
  }
  const [wal, key, base] = [join(folder, 'wal'), join(folder, 'identity'), join(folder, 'base.tar.zst.age')]
  await mkdir(wal)
  await program('age-keygen', ['-o', key])
  for (const path of [folder, wal, key]) await own(path)
  const recipient = await output('age-keygen', ['-y', key])
  const shell = (script: string, ...args: string[]) =>
    program('bash', ['-euo', 'pipefail', '-c', script, 'bash', ...args], account)
  const push = `zstd -q -${level} -c %p | age -r ${recipient} -o ${wal}/%f`
  for (const setting of ['archive_mode = on', `archive_command = '${push}'`])
    await postgres.query('postgres', `ALTER SYSTEM SET ${setting}`)
  await postgres.restart()
  return {
    name: 'pg_basebackup, zstd and age',
    incremental: false,
    backup: () =>
      shell(
        `"$1" -h "$2" -p "$3" -U "$4" -D - -Ft -X fetch -c fast | zstd -q -T${processes} -${level} | age -r ${recipient} > "$5"`,
        ...[join(postgres.binDir, 'pg_basebackup'), postgres.socketDir, String(postgres.port), postgres.user, base],
      ),
    repositoryBytes: () => bytesBelow(folder),
    async restore(dataDir, until) {
      await shell('age -d -i "$1" "$2" | zstd -q -d | tar -x -C "$3"', key, base, dataDir)
      const target = until === undefined ? `recovery_target = 'immediate'` : `recovery_target_time = '${until}'`
      const get = `age -d -i ${key} ${wal}/%f | zstd -q -d -f -o %p`
      const settings = [`restore_command = '${get}'`, target, `recovery_target_action = 'promote'`]
      await appendFile(join(dataDir, 'postgresql.auto.conf'), `${settings.join('\n')}\n`)
      await writeFile(join(dataDir, 'recovery.signal'), '')
      await own(join(dataDir, 'recovery.signal'))
    },
    async [Symbol.asyncDispose]() {},
  }
}
