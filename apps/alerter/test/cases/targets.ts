import { moment } from '@lifeboat/shared/domain/ids.ts'
import type { World } from '../../src/world.ts'
import { aBackup, aSurvey, at, aWorld, lockedCopy, unlocked, walDamage } from '../builders.ts'

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
  'copy-locked: with its date, and without one': aWorld('26T03:10', {
    locked: [lockedCopy('10', '28T00:00'), lockedCopy('09')],
  }),
  'copy-unlocked: the store refuses to lock one; another was locked at once': aWorld('26T03:10', {
    surveys: [
      aSurvey('26T03:00', { locks: { locked: 3, extended: 0, drifted: [unlocked('unlocked'), unlocked('locked')] } }),
    ],
  }),
  'expiry-refused: more would go than may': aWorld('26T03:10', {
    expiry: {
      at: moment(at('26T03:00')),
      digest: 'abc',
      going: 9,
      refused: ['9 of the 10 backups of records at beta would go'],
    },
  }),
  'expiry-refused: it was carried out': aWorld('26T03:10', {
    expiry: { at: moment(at('26T03:00')), digest: 'abc', going: 2, refused: [] },
  }),
}
