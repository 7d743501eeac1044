import type { Command as Commander } from 'commander'
import type { Shape } from './shape.ts'

/** Bringing data back out of a bucket and a key, with nothing else there. */
export function addRecovering({ does, program, verb }: Shape): void {
  const recover = verb(
    program,
    'recover',
    'Bring data back out of a target and a key alone: no bus, no catalogue, no services.',
  )
    .option('--from <target>', 'file:///…, s3://…, gs://…, azure://…, or a name under `targets`')
    .option('--identity <file>', 'the age identity that opens the backups')
    .option(
      '--signer <name=key...>',
      'public keys whose signatures count (default: those of lifeboat.yaml, or unchecked)',
    )
    .option('--source <name>', 'of this source, a database or a tree of files (default: the only one)')
    .option('--backup <id>', 'begin with this backup (default: the newest proven one)')
    .option('--dump', 'one database rather than the whole cluster')
    .option(
      '--until <point>',
      'recover a cluster to: latest (default), end, a time with its offset, a log position, xid:N or name:X; a tree of files: to a time',
    )
    .option('--timeline <n>', 'along this timeline (default: the newest)')
    .option('--to <folder>', 'into this empty folder: a database as a server of its own, a tree of files as it was')
    .option('--server <address>', 'a dump into this server: postgres://user@host:port/postgres; password in PGPASSWORD')
    .option('--as <database>', 'under this name in that server (default: its own)')
    .option('--replace', 'put the database that has this name there aside, once the restored one was compared')
    .option('--drain <time>', 'how long its sessions may leave by themselves before they are ended (default 10s)')
    .option('--confirm <database>', 'the name typed beforehand, for scripts')
    .option('--port <n>', 'port of the recovered server (default: as its configuration says)')
    .option('--pause', 'stand still at the point, for a look, and ask before promoting')
    .option('--start', 'start the recovered server in the end')
    .option('--unproven', 'also what no drill has proven')
    .option('--dry-run', 'only plan: chain, WAL, disk, versions, what would be lost')
    .option('--tool-path <folders...>', 'folders with PostgreSQL programs, looked at before the usual places')
  // Its verbs have options of the same names; what comes behind a verb is the verb's.
  program.enablePositionalOptions()
  recover.enablePositionalOptions()
  does(recover, async () => (await import('../commands/recover.ts')).recover)
  does(
    withServer(
      verb(recover, 'revert', 'Give a database that was replaced its name back; the present one is put aside.'),
    ).option('--drain <time>', 'how long sessions may leave by themselves before they are ended (default 10s)'),
    async () => (await import('../commands/recover-revert.ts')).recoverRevert,
    ['database'],
  )
  does(
    withServer(verb(recover, 'release', 'Drop for good what was put aside of a database.')),
    async () => (await import('../commands/recover-release.ts')).recoverRelease,
    ['database'],
  )
}

/** What has been replaced in a server, and who says so. */
function withServer(command: Commander): Commander {
  return command
    .argument('<database>', 'the name everybody uses')
    .requiredOption('--server <address>', 'postgres://user@host:port/postgres; password in PGPASSWORD')
    .option('--confirm <database>', 'the name typed beforehand, for scripts')
}
