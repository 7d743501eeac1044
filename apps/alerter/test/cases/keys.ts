import { moment } from '@lifeboat/shared/domain/ids.ts'
import type { WatchedWal, World } from '../../src/world.ts'
import { at, aWal, aWorld, lsnOf } from '../builders.ts'

const office = { name: 'office', recipient: 'age1office', escrow: false }
const safe = { name: 'safe', recipient: 'age1safe', escrow: true }
const old = (until: string) => ({ name: 'old', recipient: 'age1old', escrow: false, until: until as never })
const sealedTo = (...sets: (string[] | undefined)[]) => {
  const each = sets.map((recipients, i) => ({
    ...(recipients && { recipients }),
    ...{ backupId: `2026092${i}T020000Z-dump-aaaaaa`, at: moment(at(`2${i}T02:00`)) },
  }))
  return { sealedTo: new Map([['records', each]]) as unknown as World['sealedTo'] }
}
const stretches = (...keys: string[]) =>
  ({
    ...aWal('26T12:00'),
    record: {
      ...{ since: { lsn: lsnOf(20) }, safe: { lsn: lsnOf(26) }, holes: [] },
      sealedTo: keys.map((key, i) => ({ recipients: [key], from: lsnOf(20 + i), to: lsnOf(21 + i) })),
    },
  }) as unknown as WatchedWal

/** Keys that are not there, or not for long. */
export const KEYS: Record<string, World> = {
  'key-missing: nobody has the key of older backups any more': aWorld('26T12:00', {
    identities: [office, safe],
    ...sealedTo(['age1lost'], ['age1office', 'age1safe']),
  }),
  'key-missing: the key was destroyed yesterday': aWorld('26T12:00', {
    identities: [office, old('2026-09-25T00:00:00.000Z')],
    ...sealedTo(['age1old'], ['age1office']),
  }),
  'key-missing: only WAL is encrypted to what is gone': aWorld('26T12:00', {
    identities: [office],
    ...sealedTo(['age1office']),
    wal: [stretches('age1lost', 'age1office')],
  }),
  'key-missing: one of two keys is enough': aWorld('26T12:00', {
    identities: [safe],
    ...sealedTo(['age1lost', 'age1safe']),
  }),
  'key-missing: where nobody declared keys, or they are not known, nothing is claimed': aWorld('26T12:00', {
    ...sealedTo(['age1lost'], undefined),
  }),
  'key-ending: a key goes in two weeks that backups need': aWorld('26T12:00', {
    identities: [office, old('2026-10-10T00:00:00.000Z')],
    ...sealedTo(['age1old'], ['age1office', 'age1old']),
  }),
  'key-ending: it goes next year': aWorld('26T12:00', {
    identities: [office, old('2027-10-10T00:00:00.000Z')],
    ...sealedTo(['age1old']),
  }),
}
