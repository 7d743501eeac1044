import { CONFIG_VARIABLE } from '@lifeboat/config/config-path.ts'
import { Command as Commander, Option } from 'commander'
import type { Command, CommonOptions } from './context.ts'
import { exitCodesHelp } from './exit-codes.ts'
import type { Terminal } from './terminal.ts'
import { GOALS } from './wait/goals.ts'

/** Runs one command with its arguments; each is imported only when it is used, so that `status` waits for no cloud SDK. */
export type Invoke = (command: Command<never>, args: never, options: CommonOptions) => Promise<void>

/** The whole command line. Nothing is imported or read before a command runs. */
export function buildProgram(terminal: Pick<Terminal, 'out' | 'err'>, invoke: Invoke): Commander {
  const program = new Commander('lifeboat')
    .description('Backs up PostgreSQL to several clouds and proves every backup by restoring it.')
    .exitOverride()
    .configureOutput({ writeOut: (text) => terminal.out(text), writeErr: (text) => terminal.err(text) })
    .addHelpText('afterAll', exitCodesHelp())
    .showSuggestionAfterError()
  const noun = (name: string, about: string) => program.command(name).description(about)
  const verb = (parent: Commander, usage: string, about: string) => withCommon(parent.command(usage).description(about))
  const does = <A extends object>(
    command: Commander,
    load: () => Promise<Command<A>>,
    names: readonly (keyof A & string)[] = [],
  ) =>
    command.action(async (...given: unknown[]) => {
      const args = { ...command.opts(), ...Object.fromEntries(names.map((name, i) => [name, given[i]])) }
      await invoke((await load()) as Command<never>, args as never, command.opts())
    })

  does(
    verb(program, 'status', 'What is safe and what is not, per source; red where nobody knows.'),
    async () => (await import('./commands/status.ts')).status,
  )

  does(
    verb(program, 'doctor', 'Look at everything the fleet stands on: what is wrong, and what to do next.'),
    async () => (await import('./commands/doctor.ts')).doctor,
  )

  does(
    verb(
      program,
      'schedule',
      'The next runs with their local times; or, played through, what would run and what would be kept.',
    )
      .argument('[name]', 'a policy or a source (default: all)')
      .option('--limit <n>', 'at most so many runs (default 20)')
      .option('--simulate <time>', 'play the calendar through for so long: 60d'),
    async () => (await import('./commands/schedule.ts')).schedule,
    ['name'],
  )

  const backup = noun('backup', 'Take, list and look at backups.')
  does(
    withWaiting(verb(backup, 'now', 'Take a backup of a source, or of every source of a policy, now.'))
      .argument('<source|policy>', 'a name under `sources` or `policies`; of a set all members are taken')
      .option('--policy <name>', 'which policy, for a source that is under several')
      .option('--point <id>', 'of a set: take what is missing of this recovery point')
      .addOption(new Option('--wait [state]', 'wait until it is stored, or as far as said').choices(GOALS)),
    async () => (await import('./commands/backup-now.ts')).backupNow,
    ['name'],
  )
  does(
    verb(backup, 'list', 'The newest backups first.')
      .option('--source <name>', 'only of this source')
      .option('--limit <n>', 'at most so many (default 20); above 64 every record is read')
      .option('--all', 'every backup there is'),
    async () => (await import('./commands/backup-list.ts')).backupList,
  )
  does(
    verb(
      backup,
      'show',
      'One backup: its state at each target, parts still missing, drills; or a recovery point of a set with its members.',
    ).argument('<id>', 'the whole id of a backup or of a recovery point'),
    async () => (await import('./commands/backup-show.ts')).backupShow,
    ['id'],
  )

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
    .option('--source <name>', 'of this source (default: the only one)')
    .option('--backup <id>', 'begin with this backup (default: the newest proven one)')
    .option('--dump', 'one database rather than the whole cluster')
    .option(
      '--until <point>',
      'recover a cluster to: latest (default), end, a time with its offset, a log position, xid:N or name:X',
    )
    .option('--timeline <n>', 'along this timeline (default: the newest)')
    .option('--to <folder>', 'into this empty folder, as a server of its own')
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
  does(recover, async () => (await import('./commands/recover.ts')).recover)
  does(
    withServer(
      verb(recover, 'revert', 'Give a database that was replaced its name back; the present one is put aside.'),
    ).option('--drain <time>', 'how long sessions may leave by themselves before they are ended (default 10s)'),
    async () => (await import('./commands/recover-revert.ts')).recoverRevert,
    ['database'],
  )
  does(
    withServer(verb(recover, 'release', 'Drop for good what was put aside of a database.')),
    async () => (await import('./commands/recover-release.ts')).recoverRelease,
    ['database'],
  )

  const restore = noun('restore', "Bring a source back on its own host, on an operator's signed command.")
  const hooked = (command: Commander) =>
    command
      .option('--stop-hook <name>', 'a hook of the agent that stops the service before the swap')
      .option('--start-hook <name>', 'the one that starts it again')
      .option('--ready-hook <name>', 'the one that tells whether the service works again')
  const chosen = (command: Commander) =>
    hooked(
      command
        .argument('<source>', 'a name under `sources`')
        .option('--backup <id>', 'this backup (default: the newest proven one)')
        .option('--target <name>', 'try the copy at this target first')
        .option('--unproven', 'also what no drill has proven'),
    )
  const signed = (command: Commander) =>
    withWaiting(command)
      .option('--key <file>', 'your operator key, <name>.operator.pem; its passphrase in LIFEBOAT_OPERATOR_PASSPHRASE')
      .option('--why <reason>', 'for the audit')
      .option('--yes-i-mean <source>', 'the name of the source typed beforehand, for scripts')
      .option('--drain <time>', 'how long sessions may leave by themselves before they are ended (default 10s)')
      .option('--valid-for <time>', 'how long the agent may take to begin with it (default 15m, at most 24h)')
      .option('--out <file>', 'write the signed command down instead of sending it')
  does(
    chosen(verb(restore, 'plan', 'What a restore would do: copy, room, sessions, hooks, time, loss. Touches nothing.')),
    async () => (await import('./commands/restore-plan.ts')).restorePlan,
    ['source'],
  )
  does(
    signed(
      chosen(verb(restore, 'run', 'Plan, confirm, sign and send; the agent restores beside, compares and swaps.')),
    ).option('--identity <file>', 'the age identity that opens the backup; it travels sealed to the agent'),
    async () => (await import('./commands/restore-run.ts')).restoreRun,
    ['source'],
  )
  const putBack = (command: Commander) => signed(hooked(command.argument('<source>', 'a name under `sources`')))
  does(
    putBack(verb(restore, 'revert', 'Give what was there before the last restore its name back.')),
    async () => (await import('./commands/restore-put-back.ts')).restoreRevert,
    ['source'],
  )
  does(
    putBack(verb(restore, 'release', 'Drop for good what restores put aside.')),
    async () => (await import('./commands/restore-put-back.ts')).restoreRelease,
    ['source'],
  )
  does(
    verb(restore, 'sign', 'Add the signature of another operator to a command that was written down.')
      .argument('<file>', 'what `--out` wrote')
      .option('--key <file>', 'your operator key, <name>.operator.pem')
      .option('--yes-i-mean <source>', 'the name of the source typed beforehand, for scripts'),
    async () => (await import('./commands/restore-sign.ts')).restoreSign,
    ['file'],
  )
  does(
    withWaiting(
      verb(restore, 'send', 'Send a command that was written down, and tell what comes of it.').argument(
        '<file>',
        'what `--out` wrote',
      ),
    ),
    async () => (await import('./commands/restore-send.ts')).restoreSend,
    ['file'],
  )
  does(
    verb(restore, 'cancel', 'End a restore before its swap; afterwards there is `revert`.').argument(
      '<restore>',
      'the whole restore id',
    ),
    async () => (await import('./commands/restore-cancel.ts')).restoreCancel,
    ['restore'],
  )
  does(
    verb(restore, 'status', 'Who commanded what, why, and what came of it.').argument(
      '[restore]',
      'only this restore id',
    ),
    async () => (await import('./commands/restore-status.ts')).restoreStatus,
    ['restore'],
  )
  const operatorKey = noun('operator', 'People whose signed commands agents obey.')
    .command('key')
    .description('Their keys.')
  does(
    verb(operatorKey, 'new', 'Make a key to sign commands with; print the line for the configuration of agents.')
      .argument('<name>', 'of the operator')
      .option('--out <dir>', 'where it goes (default ./lifeboat-keys)'),
    async () => (await import('./commands/operator-key-new.ts')).operatorKeyNew,
    ['name'],
  )
  does(
    verb(operatorKey, 'list', 'The operator keys in a folder, with fingerprints to compare.').option(
      '--keys <dir>',
      'the folder (default ./lifeboat-keys)',
    ),
    async () => (await import('./commands/operator-key-list.ts')).operatorKeyList,
  )

  const drill = noun('drill', 'Rehearse a recovery.')
  does(
    withWaiting(verb(drill, 'run', 'Restore one copy of a backup into a scratch server and judge it.'))
      .argument('<backup|source>', 'the whole backup id, or a source: its newest backup, or the one the moment needs')
      .option('--target <name>', 'the copy at this target (default: the one drilled longest ago)')
      .option(
        '--to-time <time>',
        'recover a base through WAL: to a moment with its offset (2026-09-26T14:00:00+02:00), random or latest',
      )
      .option('--wait', 'wait for the verdict and exit by it'),
    async () => (await import('./commands/drill-run.ts')).drillRun,
    ['backup'],
  )
  does(
    verb(drill, 'show', 'One drill, or the last drill of each copy of a backup.').argument(
      '<id>',
      'a drill id or a backup id',
    ),
    async () => (await import('./commands/drill-show.ts')).drillShow,
    ['id'],
  )

  const wal = noun('wal', 'The write-ahead log of sources, off-site within seconds.')
  does(
    verb(wal, 'status', 'How far the WAL of each source has come, and what holds it up.').argument(
      '[source]',
      'a name under `wal` (default: all)',
    ),
    async () => (await import('./commands/wal-status.ts')).walStatus,
    ['source'],
  )
  does(
    verb(
      wal,
      'audit',
      'List the WAL at the targets: present, delayed, uploading, missing or lost; the exit code tells.',
    )
      .argument('[source]', 'a name under `wal` (default: all)')
      .option('--target <name>', 'judge only this target'),
    async () => (await import('./commands/wal-audit.ts')).walAudit,
    ['source'],
  )

  does(
    verb(
      noun('catalog', 'What is known of all backups; the buckets are the truth behind it.'),
      'rebuild',
      'Fill the catalogue from what one target holds, believing only what is signed.',
    ).argument('<target>', 'a name under `targets`'),
    async () => (await import('./commands/catalog-rebuild.ts')).catalogRebuild,
    ['target'],
  )
  const target = noun('target', 'Places that keep backups.')
  does(
    verb(
      target,
      'list',
      'What is known of each target, and how far one that was added later is filled; asks none of them.',
    ),
    async () => (await import('./commands/target-list.ts')).targetList,
  )
  does(
    verb(target, 'check', 'Put a target through the cases every store must pass.').argument(
      '<name>',
      'a name under `targets`',
    ),
    async () => (await import('./commands/target-check.ts')).targetCheck,
    ['name'],
  )
  does(
    verb(
      target,
      'audit',
      'List what targets hold and compare it with the catalogue: missing, damaged, unknown, left over; the exit code tells.',
    )
      .argument('[name]', 'a name under `targets` (default: all)')
      .option('--all', 'also read every byte of every copy and compare its digests'),
    async () => (await import('./commands/target-audit.ts')).targetAudit,
    ['name'],
  )

  const expiry = noun('expiry', 'Letting backups go by the rules of their policies.')
  does(
    verb(expiry, 'plan', 'Say what would go and what stays, each with its reasons; changes nothing.').option(
      '--source <name>',
      'only of this source',
    ),
    async () => (await import('./commands/expiry-plan.ts')).expiryPlan,
  )
  does(
    verb(expiry, 'apply', 'Let go exactly what a plan showed; it stays hidden for a while before it is removed.')
      .requiredOption('--plan <digest>', 'the digest `lifeboat expiry plan` printed')
      .option('--source <name>', 'only of this source, as the plan was')
      .option('--even-so', 'also if more would go than `expiry.maxShare` allows'),
    async () => (await import('./commands/expiry-apply.ts')).expiryApply,
  )
  does(
    verb(expiry, 'undo', 'Bring back a backup that was let go, as long as its bytes are there, and hold it.').argument(
      '<backup>',
      'the whole backup id',
    ),
    async () => (await import('./commands/expiry-undo.ts')).expiryUndo,
    ['backup'],
  )

  const hold = noun('hold', 'Explicit stops on letting go.')
  does(
    verb(hold, 'add', 'Let nothing of a backup, or of a whole source, go until this is released.')
      .argument('<backup|source>', 'the whole backup id, or a name under `sources`')
      .requiredOption('--why <reason>', 'for whoever wonders later'),
    async () => (await import('./commands/hold-add.ts')).holdAdd,
    ['name'],
  )
  does(
    verb(hold, 'release', 'End a hold.')
      .argument('<hold>', 'the whole hold id')
      .requiredOption('--why <reason>', 'for whoever wonders later'),
    async () => (await import('./commands/hold-release.ts')).holdRelease,
    ['hold'],
  )
  does(
    verb(hold, 'list', 'What is held, by whom and why.').option('--all', 'released ones as well'),
    async () => (await import('./commands/hold-list.ts')).holdList,
  )
  does(
    verb(
      noun('source', 'Databases under our care.'),
      'check',
      'Ask whether a complete backup is possible; prints the GRANTs that are missing.',
    ).argument('<name>', 'a name under `sources`'),
    async () => (await import('./commands/source-check.ts')).sourceCheck,
    ['name'],
  )
  does(
    verb(noun('config', 'lifeboat.yaml.'), 'check', 'List every problem of the configuration, each with its line.'),
    async () => (await import('./commands/config-check.ts')).configCheck,
  )
  does(
    verb(
      noun('key', 'Keys for encryption and signing.'),
      'new',
      'Make an age identity and signing keys; print the lines for lifeboat.yaml.',
    )
      .option('--out <dir>', 'where the private halves go (default ./lifeboat-keys)')
      .option('--signer <names...>', 'who will sign: the names of agents and of the verifier (default agent verifier)'),
    async () => (await import('./commands/key-new.ts')).keyNew,
  )
  does(
    verb(program, 'events', 'What happened, one line a fact; --json prints one object a line.')
      .option('--follow', 'go on until Ctrl-C')
      .option('--since <time>', 'from then on: 2h, 3d or 2026-09-26T02:00:00Z (default 1h)')
      .option('--subject <subjects...>', 'only these: backup, copy.stored, or a whole subject with wildcards'),
    async () => (await import('./commands/events.ts')).events,
  )
  does(
    verb(noun('run', 'Work that is planned or under way.'), 'cancel', 'Ask whoever works on a run to end it.').argument(
      '<run>',
      'the whole run id',
    ),
    async () => (await import('./commands/run-cancel.ts')).runCancel,
    ['runId'],
  )
  return program
}

function withCommon(command: Commander): Commander {
  return command
    .option(
      '--config <file>',
      `lifeboat.yaml (default ${CONFIG_VARIABLE}, ./lifeboat.yaml, /etc/lifeboat/lifeboat.yaml)`,
    )
    .option('--json', 'print one JSON value; errors as { "error": … }')
    .option('--verbose', 'tell on standard error what is said to NATS')
}

/** What has been replaced in a server, and who says so. */
function withServer(command: Commander): Commander {
  return command
    .argument('<database>', 'the name everybody uses')
    .requiredOption('--server <address>', 'postgres://user@host:port/postgres; password in PGPASSWORD')
    .option('--confirm <database>', 'the name typed beforehand, for scripts')
}

function withWaiting(command: Commander): Commander {
  return command.option('--timeout <time>', 'stop waiting after this long: 90s, 15m, 2h')
}
