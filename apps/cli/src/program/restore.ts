import type { Command as Commander } from 'commander'
import { type Shape, withWaiting } from './shape.ts'

/** Bringing a source back by its agent, and the operators agents obey. */
export function addRestoring({ does, noun, verb }: Shape): void {
  const restore = noun('restore', "Bring a source back on its own host, on an operator's signed command.")
  const hooked = (command: Commander) =>
    command
      .option('--stop-hook <name>', 'a hook of the agent that stops the service before the swap')
      .option('--start-hook <name>', 'the one that starts it again')
      .option('--ready-hook <name>', 'the one that tells whether the service works again')
  const placed = (command: Commander) =>
    command
      .option('--beside', 'the whole cluster, as a server of its own for a look')
      .option('--in-place', 'the whole cluster, in the place of its data directory')
  const NEEDED = 'needed: '
  const KEY = [
    '--key <file>',
    `${NEEDED}your operator key, <name>.operator.pem; its passphrase is asked for, or in LIFEBOAT_OPERATOR_PASSPHRASE`,
  ] as const
  const WHY = ['--why <reason>', `${NEEDED}for the audit`] as const
  const keyed = (command: Commander, needed = '') =>
    command.option(
      '--identity <file>',
      `${needed}the age identity that opens the backup; it travels sealed to the agent`,
    )
  const tabled = (command: Commander) =>
    command.option(
      '--table <name>',
      'this table, as SQL names it; may be given several times',
      (name, before: string[] = []) => [...before, name],
    )
  const until =
    'of a cluster, or of tables out of one: latest (the default of a cluster), end (of the backup), a time with its offset, a log position, xid:731, name:RESTORE-POINT; of files: a time'
  const renamed = (command: Commander) =>
    command
      .option('--as <name>', 'of a database: under this name, which is free, and nothing that is there is touched')
      .option('--onto <source>', 'likewise on the server of this source, by its agent (default name: its own)')
  const chosen = (command: Commander, needed = '') =>
    hooked(
      renamed(tabled(keyed(placed(command), needed)))
        .argument('<source>', 'a name under `sources`')
        .option('--merge', 'of tables: rows that are missing or different come back by primary key, others stay')
        .option('--replace', 'of tables: they hold the rows of the backup and no others')
        .option('--into-schema <name>', 'of tables: beside, in a new schema, and nothing that is there is touched')
        .option('--until <point>', until)
        .option('--timeline <no>', 'with --until: along this timeline (default: the newest that leads there)')
        .option(
          '--pause',
          'with --in-place: it stands still at its goal, for a look, until `restore promote --in-place` puts it in place',
        )
        .option('--port <no>', 'of a cluster beside, or one that stands still first: where it listens, on 127.0.0.1')
        .option('--backup <id>', 'this backup (default: the newest proven one that any target has)')
        .option('--target <name>', 'where several targets have the same, the copy at this one')
        .option('--unproven', 'also what no drill has proven')
        .option('--post-hook <name>', 'of files: a hook that finishes the new tree before anything is stopped'),
    )
  const signed = (command: Commander) =>
    withWaiting(command)
      .option(...KEY)
      .option(...WHY)
      .option('--yes-i-mean <source>', 'the name of the source typed beforehand, for scripts')
      .option('--drain <time>', 'how long sessions may leave by themselves before they are ended (default 10s)')
      .option('--valid-for <time>', 'how long the agent may take to begin with it (default 15m, at most 24h)')
      .option('--out <file>', 'write the signed command down instead of sending it')
  does(
    chosen(verb(restore, 'plan', 'What a restore would do: copy, room, sessions, hooks, time, loss. Touches nothing.')),
    async () => (await import('../commands/restore-plan.ts')).restorePlan,
    ['source'],
  )
  does(
    signed(
      chosen(
        verb(restore, 'run', 'Plan, confirm, sign and send; the agent restores beside, compares and swaps.'),
        NEEDED,
      ),
    ),
    async () => (await import('../commands/restore-run.ts')).restoreRun,
    ['source'],
  )
  const each = (name: string, before: string[] = []) => [...before, name]
  does(
    withWaiting(
      keyed(verb(restore, 'set', 'Bring back everything of one recovery point, source by source, in order.'), NEEDED),
    )
      .argument('<point>', 'e.g. weekly.20260927T010000Z; `lifeboat backup list` shows them')
      .option('--plan-only', 'show what would be done, and touch nothing')
      .option('--source <name>', 'only this source of it; may be given several times', each)
      .option('--incomplete', 'also a recovery point of which something is missing')
      .option('--again', 'also what an earlier run of this command has brought back within a day')
      .option('--unproven', 'also what no drill has proven')
      .option('--stop-hook <name>', 'before each swap, or <source>=<name>; may be given several times', each)
      .option('--start-hook <name>', 'after each swap, likewise', each)
      .option('--ready-hook <name>', 'at the end of each, likewise', each)
      .option('--post-hook <name>', 'of files, likewise: it finishes the new tree before anything is stopped', each)
      .option(...KEY)
      .option(...WHY)
      .option('--yes-i-mean <set>', 'the name of the set typed beforehand, for scripts')
      .option('--drain <time>', 'how long sessions may leave by themselves before they are ended (default 10s)')
      .option(
        '--valid-for <time>',
        'how long an agent may take to begin with its command (default 15m, with --out and at most 24h)',
      )
      .option('--out <file>', 'write the signed commands down instead of sending them'),
    async () => (await import('../commands/restore-set.ts')).restoreSet,
    ['point'],
  )
  const further = (command: Commander) =>
    signed(keyed(command.argument('<source>', 'a name under `sources`'), NEEDED)).option(
      '--target <name>',
      'where several targets lead equally far, from this one',
    )
  does(
    further(verb(restore, 'move', 'Take the cluster beside, which stands still, to a later point.')).option(
      '--until <point>',
      `${NEEDED}latest, a time with its offset, a log position, xid:731, name:RESTORE-POINT`,
    ),
    async () => (await import('../commands/restore-further.ts')).restoreMove,
    ['source'],
  )
  does(
    hooked(
      further(
        verb(restore, 'promote', 'End the recovery of the cluster beside where it stands: it can be written to.'),
      ).option(
        '--in-place',
        'of one that was recovered with --in-place --pause: and put it in the place of its data directory',
      ),
    ),
    async () => (await import('../commands/restore-further.ts')).restorePromote,
    ['source'],
  )
  const putBack = (command: Commander) =>
    signed(hooked(renamed(tabled(placed(command))).argument('<source>', 'a name under `sources`')))
  does(
    putBack(verb(restore, 'revert', 'Give what was there before the last restore its name back.')),
    async () => (await import('../commands/restore-put-back.ts')).restoreRevert,
    ['source'],
  )
  does(
    putBack(
      verb(
        restore,
        'release',
        'Drop for good what restores put aside: databases, rows of tables, trees, data directories; or the cluster beside, or a database under a new name.',
      ),
    ),
    async () => (await import('../commands/restore-put-back.ts')).restoreRelease,
    ['source'],
  )
  does(
    verb(restore, 'sign', 'Add the signature of another operator to what was written down.')
      .argument('<file>', 'what `--out` wrote')
      .option(...KEY)
      .option('--yes-i-mean <name>', 'the name of the source or the set typed beforehand, for scripts'),
    async () => (await import('../commands/restore-sign.ts')).restoreSign,
    ['file'],
  )
  does(
    withWaiting(
      verb(
        restore,
        'send',
        'Send what was written down, one command after the other, and tell what comes of it.',
      ).argument('<file>', 'what `--out` wrote'),
    ),
    async () => (await import('../commands/restore-send.ts')).restoreSend,
    ['file'],
  )
  does(
    verb(restore, 'cancel', 'End a restore before its swap; afterwards there is `revert`.')
      .argument('<restore>', 'the whole restore id')
      .option('--why <reason>', 'for the audit'),
    async () => (await import('../commands/restore-cancel.ts')).restoreCancel,
    ['restore'],
  )
  does(
    verb(restore, 'status', 'Who commanded what, why, and what came of it.').argument(
      '[restore]',
      'only this restore id',
    ),
    async () => (await import('../commands/restore-status.ts')).restoreStatus,
    ['restore'],
  )

  const operatorKey = noun('operator', 'People whose signed commands agents obey.')
    .command('key')
    .description('Their keys.')
  does(
    verb(operatorKey, 'new', 'Make a key to sign commands with; print the line for the configuration of agents.')
      .argument('<name>', 'of the operator')
      .option('--out <dir>', 'where it goes (default ./lifeboat-keys)'),
    async () => (await import('../commands/operator-key-new.ts')).operatorKeyNew,
    ['name'],
  )
  does(
    verb(operatorKey, 'list', 'The operator keys in a folder, with fingerprints to compare.').option(
      '--keys <dir>',
      'the folder (default ./lifeboat-keys)',
    ),
    async () => (await import('../commands/operator-key-list.ts')).operatorKeyList,
  )
}
