import { moment } from '@lifeboat/shared/domain/ids.ts'
import type { ExpiryOutcome } from '@lifeboat/shared/domain/retention.ts'
import type { World } from '../../src/world.ts'
import {
  aBackup,
  aBase,
  aSurvey,
  at,
  aWal,
  aWorld,
  classes,
  lockedCopy,
  physical,
  unlocked,
  walDamage,
} from '../builders.ts'

const IN_IA = { key: 'records/backups/20260826T020000Z-dump-aaaaaa/manifest.json', storageClass: 'STANDARD_IA' }
const FROZEN = { key: 'records/backups/20260826T020000Z-dump-aaaaaa/db.dump.zst.age.00000', storageClass: 'GLACIER' }

/** What targets hold: copies behind, damaged, locked, and letting go. */
export const TARGETS: Record<string, World> = {
  'copy-behind: a target lacks copies for long': aWorld('26T12:00', {
    backups: [
      aBackup(26, { copies: { alpha: 'proven', beta: 'expected' } }),
      aBackup(25, { copies: { alpha: 'proven', beta: 'expected' } }),
    ],
  }),
  'copy-behind: an hour is not long': aWorld('26T03:10', {
    backups: [aBackup(26, { copies: { alpha: 'proven', beta: 'expected' } })],
  }),
  'copy-behind: a target refused a copy for good': aWorld('26T03:10', {
    backups: [aBackup(26, { copies: { alpha: 'proven', beta: 'refused' } })],
  }),
  'copy-damaged: a look found one missing and one damaged': aWorld('26T03:10', {
    backups: [
      aBackup(26, { copies: { alpha: 'proven', beta: 'missing' } }),
      aBackup(25, { copies: { alpha: 'proven', beta: 'damaged' } }),
    ],
  }),
  'copy-damaged: a backup of long ago was found damaged by reading it': aWorld('26T03:10', {
    backups: [aBackup(26)],
    bad: [aBackup(10, { copies: { alpha: 'damaged', beta: 'proven' } })],
  }),
  'copy-damaged: what was let go is no damage': aWorld('26T03:10', {
    backups: [aBackup(26, { copies: { alpha: 'proven', beta: 'marked' } })],
  }),
  'target-doubted: a target lists nothing for an hour': aWorld('26T03:10', {
    surveys: [aSurvey('26T03:00', { doubt: 'the marker lifeboat.json is not there', doubtedSince: '26T02:05' })],
  }),
  'target-doubted: not yet for an hour, and of a target nobody sends to any more': aWorld('26T03:10', {
    surveys: [
      aSurvey('26T03:00', { doubt: 'x', doubtedSince: '26T02:15' }),
      aSurvey('26T03:00', { targetId: 'old', doubt: 'x', doubtedSince: '20T02:15' }),
    ],
  }),
  'wal-damaged: two segments hold other bytes than were put there': aWorld('26T03:10', {
    walDamage: [walDamage('000000010000000000000004'), walDamage('000000010000000000000003')],
  }),
  'wal-damaged: what is stuck says why and what to do, what was put anew is told once': aWorld('26T03:10', {
    walDamage: [
      walDamage('000000010000000000000003', {
        found: 'missing',
        problem: 'it is not there',
        mended: { at: moment(at('26T03:01')), from: 'alpha' },
      }),
      walDamage('000000010000000000000005', stuck('no-removal', 'this target has no removal credentials')),
      walDamage('000000010000000000000006', stuck('nowhere', 'no other target has it whole')),
    ],
  }),
  'wal-damaged: all of it is mended': aWorld('26T03:10', {
    walDamage: [walDamage('000000010000000000000003', { mended: { at: moment(at('26T03:01')), from: 'alpha' } })],
  }),
  'wal-damaged: a target only WAL is sent to counts, one nobody configures any more does not': aWorld('26T03:10', {
    wal: [{ ...aWal('26T03:10'), targets: ['gamma'] as never }],
    walDamage: [
      walDamage('000000010000000000000003', { targetId: 'gamma' }),
      walDamage('000000010000000000000003', { targetId: 'old' }),
    ],
  }),
  'wal-damaged: what nobody has any more is over when a base leads past it there': aWorld('26T03:10', {
    wal: [aWal('26T03:10')],
    ...physical(aBase(24, { copies: { alpha: 'proven', beta: 'stored' } })),
    walDamage: [
      walDamage('000000010000000000000017', stuck('nowhere', 'no other target has it whole')),
      walDamage('000000010000000000000018', stuck('nowhere', 'no other target has it whole')),
    ],
  }),
  'copy-locked: with its date, and without one': aWorld('26T03:10', {
    locked: [lockedCopy('10', '28T00:00'), lockedCopy('09')],
  }),
  'copy-unlocked: the store refuses to lock one; another was locked at once': aWorld('26T03:10', {
    surveys: [
      aSurvey('26T03:00', { locks: { locked: 3, extended: 0, drifted: [unlocked('unlocked'), unlocked('locked')] } }),
    ],
  }),
  'class-misplaced: a rule moves manifests as well; twelve in all, two are told': aWorld('26T03:10', {
    surveys: [aSurvey('26T03:00', classes({ misplaced: { objects: 12, offline: 0, shown: [IN_IA, IN_IA] } }))],
  }),
  'class-misplaced: what must be thawed is critical': aWorld('26T03:10', {
    surveys: [aSurvey('26T03:00', classes({ misplaced: { objects: 1, offline: 1, shown: [FROZEN] } }))],
  }),
  'class-misplaced: a look that is not believed, and a target nobody sends to, say nothing': aWorld('26T03:10', {
    surveys: [
      aSurvey('26T03:00', {
        ...classes({ misplaced: { objects: 1, offline: 1, shown: [FROZEN] }, late: { parts: 1, bytes: 1 } }),
        doubt: 'x',
        doubtedSince: '26T02:55',
      }),
      aSurvey('26T03:00', { targetId: 'old', ...classes({ misplaced: { objects: 1, offline: 1, shown: [FROZEN] } }) }),
    ],
  }),
  'class-late: parts that should have moved have not': aWorld('26T03:10', {
    surveys: [
      aSurvey('26T03:00', classes({ moved: { parts: 3, bytes: 300e6 }, late: { parts: 41, bytes: 2_700_000_000 } })),
    ],
  }),
  'expiry-refused: more would go than may': aWorld('26T03:10', {
    expiry: anOutcome({
      going: 9,
      refused: ['3 of the 30 backups of daily of records at beta would stay; 30 stayed last time'],
    }),
  }),
  'expiry-refused: it was carried out': aWorld('26T03:10', {
    expiry: anOutcome({ refused: [] }),
  }),
  'expiry-overdue: no scheduler settled it for two days, and why the last one removed nothing': aWorld('26T03:10', {
    ...watched('20T12:00'),
    expiry: anOutcome({ refused: [], going: 0, doubts: ['aws was never listed'] }),
  }),
  'expiry-overdue: none was ever settled, and the last word of a scheduler is a week old': aWorld('29T03:10', {
    ...watched('20T12:00', {
      dueAt: moment(at('23T03:00')),
      firstAt: moment(at('23T03:01')),
      lastAt: moment(at('23T03:01')),
    }),
  }),
  'expiry-overdue: two days are not over, and it waits to know more': aWorld('25T02:59', {
    ...watched('20T12:00', {
      dueAt: moment(at('23T03:00')),
      firstAt: moment(at('23T03:01')),
      lastAt: moment(at('25T02:55')),
    }),
  }),
  'expiry-overdue: another schedule begins when a scheduler sees it': aWorld('26T03:10', {
    ...watched('20T12:00'),
    expirySchedule: { cron: '0 3 26 * *', zone: 'UTC' },
  }),
}

function watched(since: string, begun?: NonNullable<World['expiryWatch']>['begun']) {
  const schedule = { cron: '0 3 23 * *', zone: 'UTC' }
  return {
    expirySchedule: schedule,
    expiryWatch: { schedule: '0 3 23 * * UTC', since: moment(at(since)), ...(begun && { begun }) },
  }
}

function anOutcome(over: Partial<ExpiryOutcome>): ExpiryOutcome {
  const nothing = { digest: 'abc', going: 2, bytes: 0, wal: 0, refused: [], doubts: [] }
  return { at: moment(at('26T03:00')), ...nothing, ...over }
}

function stuck(reason: string, why: string) {
  return { stuck: { reason, why, tries: 2, again: moment(at('28T03:00')) } }
}
