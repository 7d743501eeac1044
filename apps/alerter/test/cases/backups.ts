import type { BackupRow } from '@lifeboat/catalog/catalog.ts'
import type { BackupId } from '@lifeboat/shared/domain/ids.ts'
import type { World } from '../../src/world.ts'
import { aBackup, aBase, aPlan, aWorld, physical } from '../builders.ts'

const stale = (day: number, over = {}) =>
  aBackup(day, { state: 'stored', copies: { alpha: 'stored', beta: 'stored' }, ...over })
const changes = aPlan({ policyId: 'changes', kind: 'incremental' })
const incremental = (day: number, chain: number, more: Record<string, unknown> = {}) =>
  aBase(day, { kind: 'incremental', bytes: 5000, physical: { chain, ...more } })
const ofFiles = (day: number, over: Partial<NonNullable<BackupRow['files']>> = {}, bytes = 20_000_000) =>
  aBackup(day, {
    kind: 'files',
    bytes,
    rows: null,
    files: { root: '/opt/app', chain: 0, unreadable: 0, exposedSecrets: 0, ...over },
  })

/** What is wrong with backups that were taken: size, proof, chains, damage at the source. */
export const BACKUPS: Record<string, World> = {
  'undersized: below the floor': aWorld('26T03:00', { backups: [aBackup(26, { bytes: 999_999 })] }),
  'undersized: exactly the floor is enough': aWorld('26T03:00', { backups: [aBackup(26, { bytes: 1_000_000 })] }),
  'undersized: half of the median of those before': aWorld('26T03:00', {
    backups: [aBackup(26, { bytes: 2_400_000 }), aBackup(25), aBackup(24), aBackup(23, { bytes: 9_000_000 })],
  }),
  'undersized: one backup before is no habit': aWorld('26T03:00', {
    backups: [aBackup(26, { bytes: 1_400_000 }), aBackup(25, { bytes: 9_000_000 })],
  }),
  'undersized: no table': aWorld('26T03:00', {
    backups: [aBackup(26)],
    tables: new Map([[aBackup(26).backupId as BackupId, 0]]),
  }),
  'undersized: tables without a row': aWorld('26T03:00', { backups: [aBackup(26, { rows: 0 })] }),
  'undersized: its size is unknown': aWorld('26T03:00', { backups: [aBackup(26, { bytes: undefined })] }),
  'undersized: a running backup is not looked at': aWorld('26T03:00', {
    backups: [aBackup(26, { sealedAt: undefined, bytes: 10, state: 'running' }), aBackup(25)],
  }),
  'growth: more than three times the median of those before': aWorld('26T03:00', {
    backups: [aBackup(26, { bytes: 15_000_001 }), aBackup(25), aBackup(24), aBackup(23)],
  }),
  'growth: exactly three times is not told': aWorld('26T03:00', {
    backups: [aBackup(26, { bytes: 15_000_000 }), aBackup(25), aBackup(24), aBackup(23)],
  }),
  'unproven: a copy failed its drill': aWorld('26T03:00', {
    backups: [aBackup(26, { copies: { alpha: 'disproven', beta: 'stored' }, state: 'sealed' }), aBackup(25)],
    drillReasons: new Map([
      ['20260926T020000Z-dump-aaaaaa/alpha', ['db.dump.zst.age.00000 has another digest than its manifest']],
    ]),
  }),
  'unproven: a newer copy on that target was proven since': aWorld('26T03:00', {
    backups: [aBackup(26), aBackup(25, { copies: { alpha: 'disproven', beta: 'stored' } })],
  }),
  'unproven: a newer copy on another target says nothing about this one': aWorld('26T03:00', {
    backups: [
      aBackup(26, { copies: { alpha: 'stored', beta: 'proven' } }),
      aBackup(25, { copies: { alpha: 'disproven' } }),
    ],
  }),
  'unproven: stored a day ago and never drilled': aWorld('26T03:00', { backups: [aBackup(26), stale(25), stale(24)] }),
  'unproven: drilled in vain, with what to do about it': aWorld('26T03:00', {
    backups: [aBackup(26), stale(25), stale(24)],
    drillReasons: new Map([
      [
        `${stale(24).backupId}/alpha`,
        ['recover machine: this machine has no library postgis-3.', 'Install the packages of the extensions.'],
      ],
    ]),
  }),
  'drill-backlog: many wait, and it is told once for all': aWorld('26T03:00', {
    plans: [aPlan(), aPlan({ sourceId: 'audit' })],
    backups: [stale(25), stale(24), stale(23), stale(25, { sourceId: 'audit' }), stale(24, { sourceId: 'audit' })],
  }),
  'checksum-failures: in the newest base': aWorld('26T12:00', {
    ...physical(aBase(26, { physical: { checksumFailures: 12 } }), aBase(25)),
    damaged: new Map([[aBase(26).backupId, Array.from({ length: 12 }, (_, i) => `base/16384/${i}`)]]),
  }),
  'checksum-failures: an incremental without any says nothing of the rest': aWorld('26T12:00', {
    ...physical(incremental(26, 1), aBase(25, { physical: { checksumFailures: 1 } })),
  }),
  'checksum-failures: a later full base read everything and found none': aWorld('26T12:00', {
    ...physical(aBase(26), aBase(25, { physical: { checksumFailures: 1 } })),
  }),
  'chain-broken: with its reason': aWorld('26T12:00', {
    plans: [changes],
    backups: [incremental(26, 0, { fullBecause: 'summarize_wal is off on the server' })],
    ...physical(incremental(26, 0), incremental(25, 3)),
  }),
  'chain-broken: a chain that is long enough begins anew': aWorld('26T12:00', {
    plans: [changes],
    backups: [incremental(26, 0, { fullBecause: '6 incrementals in a row are as many as the policy wants' })],
    ...physical(incremental(26, 0), incremental(25, 6)),
  }),
  'chain-broken: the first of all is a full one': aWorld('26T12:00', {
    plans: [changes],
    backups: [incremental(26, 0, { fullBecause: 'no earlier backup of this cluster is known' })],
    ...physical(incremental(26, 0)),
  }),
  'undersized and growth: an incremental is as big as what changed': aWorld('26T12:00', {
    plans: [changes],
    backups: [incremental(26, 1), aBase(25, { policyId: 'changes' }), aBase(24, { policyId: 'changes' })],
  }),
  'files-unreadable: the newest backup lacks files': aWorld('26T12:00', {
    backups: [ofFiles(26, { unreadable: 3 }), ofFiles(25)],
  }),
  'files-unreadable: they can be read again': aWorld('26T12:00', {
    backups: [ofFiles(26), ofFiles(25, { unreadable: 3 })],
  }),
  'undersized and growth: a backup of files is as big as what changed': aWorld('26T12:00', {
    backups: [ofFiles(26, { chain: 1 }, 5_000_000), ofFiles(25), ofFiles(24)],
  }),
}
