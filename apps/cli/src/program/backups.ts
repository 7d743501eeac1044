import { Option } from 'commander'
import { GOALS } from '../wait/goals.ts'
import { type Shape, withWaiting } from './shape.ts'

/** Taking backups, proving them, and the WAL between them. */
export function addBackups({ does, noun, verb }: Shape): void {
  const backup = noun('backup', 'Take, list and look at backups.')
  does(
    withWaiting(verb(backup, 'now', 'Take a backup of a source, or of every source of a policy, now.'))
      .argument('<source|policy>', 'a name under `sources` or `policies`; of a set all members are taken')
      .option('--policy <name>', 'which policy, for a source that is under several')
      .option('--point <id>', 'of a set: take what is missing of this recovery point')
      .addOption(new Option('--wait [state]', 'wait until it is stored, or as far as said').choices(GOALS)),
    async () => (await import('../commands/backup-now.ts')).backupNow,
    ['name'],
  )
  does(
    verb(backup, 'list', 'The newest backups first.')
      .option('--source <name>', 'only of this source')
      .option('--limit <n>', 'at most so many (default 20); above 64 every record is read')
      .option('--all', 'every backup there is'),
    async () => (await import('../commands/backup-list.ts')).backupList,
  )
  does(
    verb(
      backup,
      'show',
      'One backup: its state at each target, parts still missing, drills; or a recovery point of a set with its members.',
    ).argument('<id>', 'the whole id of a backup or of a recovery point'),
    async () => (await import('../commands/backup-show.ts')).backupShow,
    ['id'],
  )

  const drill = noun('drill', 'Rehearse a recovery.')
  does(
    withWaiting(verb(drill, 'run', 'Restore one copy of a backup into a scratch server and judge it.'))
      .argument(
        '[backup|source]',
        'the whole backup id, or a source: its newest backup, or the one the moment needs (default: the only source there is, with --to-time the only one whose WAL is kept)',
      )
      .option('--target <name>', 'the copy at this target (default: the one drilled longest ago)')
      .option(
        '--to-time <time>',
        'recover a base through WAL: to a moment with its offset (2026-09-26T14:00:00+02:00), random or latest',
      )
      .option('--wait', 'wait for the verdict and exit by it'),
    async () => (await import('../commands/drill-run.ts')).drillRun,
    ['backup'],
  )
  does(
    verb(drill, 'show', 'One drill, or the last drill of each copy of a backup.').argument(
      '<id>',
      'a drill id or a backup id',
    ),
    async () => (await import('../commands/drill-show.ts')).drillShow,
    ['id'],
  )

  const wal = noun('wal', 'The write-ahead log of sources, off-site within seconds.')
  does(
    verb(wal, 'status', 'How far the WAL of each source has come, and what holds it up.').argument(
      '[source]',
      'a name under `wal` (default: all)',
    ),
    async () => (await import('../commands/wal-status.ts')).walStatus,
    ['source'],
  )
  does(
    verb(
      wal,
      'audit',
      'List the WAL at the targets: present, delayed, uploading, missing or lost; the exit code tells.',
    )
      .argument('[source]', 'a name under `wal` (default: all)')
      .option('--target <name>', 'judge only this target')
      .option('--read', 'read every byte of it back, and ask for what is wrong to be put anew'),
    async () => (await import('../commands/wal-audit.ts')).walAudit,
    ['source'],
  )

  does(
    verb(noun('run', 'Work that is planned or under way.'), 'cancel', 'Ask whoever works on a run to end it.').argument(
      '<run>',
      'the whole run id',
    ),
    async () => (await import('../commands/run-cancel.ts')).runCancel,
    ['runId'],
  )
}
