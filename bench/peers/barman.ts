import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { bytesBelow, program, versionOf } from '../support/programs.ts'
import type { OpenPeer } from './peer.ts'

/** Barman over the replication protocol, compressed inside the server. Block-level incrementals it leaves to PostgreSQL 17. */
export const openBarman: OpenPeer = async ({ postgres, folder, level, processes }) => {
  const version = await versionOf('barman', ['--version'], /([\d.]+)/)
  if (version === undefined) return undefined
  const home = join(folder, 'home')
  await mkdir(home, { recursive: true })
  const config = join(folder, 'barman.conf')
  const where = `host=${postgres.socketDir} port=${postgres.port} user=postgres`
  await writeFile(
    config,
    `[barman]
barman_user = root
barman_home = ${home}
barman_lock_directory = ${home}
log_file = ${home}/barman.log
log_level = WARNING
[bench]
description = bench
conninfo = ${where} dbname=postgres
streaming_conninfo = ${where}
backup_method = postgres
backup_compression = zstd
backup_compression_level = ${level}
backup_compression_workers = ${processes}
backup_compression_location = server
backup_compression_format = tar
streaming_archiver = on
slot_name = barman
immediate_checkpoint = true
path_prefix = ${postgres.binDir}
`,
  )
  const run = (...args: string[]) => program('barman', ['--config', config, ...args])
  await run('receive-wal', '--create-slot', 'bench')
  // A backup is refused until WAL has been seen to arrive.
  const receiver = spawn('barman', ['--config', config, 'receive-wal', 'bench'], { stdio: 'ignore' })
  const ended = once(receiver, 'exit')
  await sleep(2_000)
  await run('switch-wal', '--force', '--archive', 'bench')
  return {
    name: `Barman ${version}`,
    incremental: false,
    backup: () => run('backup', 'bench'),
    repositoryBytes: () => bytesBelow(join(home, 'bench', 'base')),
    async [Symbol.asyncDispose]() {
      receiver.kill('SIGTERM')
      await ended
      await postgres.query('postgres', "SELECT pg_drop_replication_slot('barman')").catch(() => {})
    },
  }
}
