import type { BackupRow } from '@lifeboat/catalog/catalog.ts'
import type { BackupId } from '@lifeboat/shared/domain/ids.ts'
import { moment } from '@lifeboat/shared/domain/ids.ts'
import { IncidentRule } from '@lifeboat/shared/domain/incident.ts'
import type { LedgerEntry } from '@lifeboat/shared/domain/ledger.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { describe, expect, it } from 'vitest'
import {
  aBackup,
  aBase,
  aPlan,
  aRun,
  aSurvey,
  at,
  aWal,
  aWorld,
  lockedCopy,
  lsnOf,
  unlocked,
} from '../../test/builders.ts'
import type { WatchedWal, World } from '../world.ts'
import { judge, RULES } from './all.ts'

const ok = aRun('25T02:00', 'succeeded')
const lost = (count: number, lastAt: string) => ({
  id: 'abc123',
  subject: 'lifeboat.wish.backup.requested.v1.db1',
  consumer: 'agent-db1',
  error: new LifeboatError('SOURCE_UNKNOWN', { sourceId: 'recrods' }).toReport() as never,
  excerpt: '{"runId":"daily.recrods.20260926T020000Z"}',
  count,
  firstAt: moment(at('26T02:00')),
  lastAt: moment(at(lastAt)),
})
const stale = (day: number, over = {}) =>
  aBackup(day, { state: 'stored', copies: { alpha: 'stored', beta: 'stored' }, ...over })

const HOUR = 3_600_000
const promise = (over: Record<string, unknown>) =>
  ({
    sourceId: 'records',
    rpoMs: null,
    windows: [],
    promise: { rpoMs: HOUR, rtoMs: 2 * HOUR },
    ...over,
  }) as unknown as World['objectives'][number]
const refusedBy = (code: 'SOURCE_UNREACHABLE' | 'TARGET_KEY_TAKEN') =>
  new LifeboatError(code, { host: 'db1' }).toReport()
const reached = (time: string) => ({ lsn: lsnOf(25), at: moment(at(time)) })
const slot = (gigabytes: number) => ({
  slot: { name: 'lifeboat_records', retainedBytes: gigabytes * 1e9, warnBytes: 4e9, giveUpBytes: 32e9 },
})
const hole = {
  ...{ timeline: 1, from: lsnOf(24), to: lsnOf(25) },
  ...{ since: moment(at('25T03:00')), reason: 'the slot was given up at 32 GB' },
}
const holed = (wal: WatchedWal) =>
  ({ ...wal, record: { holes: [{ ...hole, until: moment(at('24T03:00')) }] } }) as unknown as WatchedWal
const physical = (...rows: ReturnType<typeof aBase>[]) => ({ physical: new Map([['records', rows]]) as never })
const drilledWal = (verdict: string, time: string, more: object = {}) => ({
  ...{ drillId: `202609${time.replace(':', '')}00Z-drill-aaaaaa`, at: moment(at(time)), to: 'latest', verdict },
  ...{ reasons: verdict === 'proven' ? [] : ['wal replay: An object of the WAL archive is not what its name says.'] },
  ...more,
})
const atSegment = { segment: '000000010000000000000019', reached: lsnOf(25) }
const changes = aPlan({ policyId: 'changes', kind: 'incremental' })
const incremental = (day: number, chain: number, more: Record<string, unknown> = {}) =>
  aBase(day, { kind: 'incremental', bytes: 5000, physical: { chain, ...more } })
const agent = (lastSeen: string) => ({ service: 'backup-agent', name: 'db1', lastSeenMs: at(lastSeen) })

const ofFiles = (day: number, over: Partial<NonNullable<BackupRow['files']>> = {}, bytes = 20_000_000) =>
  aBackup(day, {
    kind: 'files',
    bytes,
    rows: null,
    files: { root: '/opt/app', chain: 0, unreadable: 0, exposedSecrets: 0, ...over },
  })

const setPoint = (day: number) => ({
  point: `weekly.202609${day}T020000Z`,
  setId: 'weekly',
  members: ['weekly-database', 'weekly-code'].map((policyId) => ({ policyId, sourceId: 'records' })),
})
const [ofSet, codeOfSet] = ['weekly-database', 'weekly-code'].map((policyId) => aPlan({ policyId, setId: 'weekly' }))
const setBackup = (day: number, policyId: string) => aBackup(day, { policyId, set: setPoint(day) })
const setRun = (day: number, state: 'missed' | 'running' | 'succeeded', over: Record<string, unknown> = {}) =>
  aRun(`${day}T02:00`, state, {
    ...{ policyId: 'weekly-code', runId: `weekly-code.records.202609${day}T020000Z`, set: setPoint(day) },
    ...over,
  })
const wholeSet = (day: number) => [setBackup(day, 'weekly-database'), setBackup(day, 'weekly-code')]
const setPlans = { plans: [ofSet, codeOfSet] as never }

const rehearsal = (time: string, state: LedgerEntry['state'], over: Record<string, unknown> = {}) =>
  aRun(time, state, {
    policyId: 'weekly-check',
    runId: `weekly-check.records.202609${time.slice(0, 2)}T060000Z`,
    kind: 'drill',
    ...over,
  })
const rehearsals = { plans: [], drills: [{ policyId: 'weekly-check', sourceId: 'records' }] as never }

const CASES: Record<string, World> = {
  'missing: within its grace nothing is said': aWorld('26T02:15', { runs: [ok, aRun('26T02:00', 'wished')] }),
  'missing: nobody began a run that was wished': aWorld('26T02:16', { runs: [ok, aRun('26T02:00', 'wished')] }),
  'missing: no scheduler even asked': aWorld('26T02:16', { runs: [ok, aRun('26T02:00', 'expected')] }),
  'missing: the very first run': aWorld('26T02:16', { runs: [aRun('26T02:00', 'wished')] }),
  'missing: three days in a row are one incident': aWorld('26T02:16', {
    runs: [
      aRun('23T02:00', 'succeeded'),
      aRun('24T02:00', 'missed', { reason: 'no agent began it by 2026-09-24T08:15:00.000Z' }),
      aRun('25T02:00', 'missed', { reason: 'no agent began it by 2026-09-25T08:15:00.000Z' }),
      aRun('26T02:00', 'wished'),
    ],
  }),
  'missing: an older run was missed and a newer one began': aWorld('26T03:00', {
    runs: [aRun('25T02:00', 'missed'), aRun('26T02:00', 'running')],
  }),
  'missing: a run of an operator counts as begun': aWorld('26T03:00', {
    runs: [ok, aRun('26T02:00', 'missed'), aRun('26T02:50', 'running', { requestedBy: 'operator' })],
  }),
  'missing: a run skipped because the one before still ran is not missing': aWorld('26T12:00', {
    runs: [aRun('26T02:00', 'succeeded', { endedAt: '26T05:30' }), aRun('26T05:00', 'skipped')],
  }),
  'missing: a run an operator cancelled is not missing': aWorld('26T12:00', {
    runs: [ok, aRun('26T02:00', 'cancelled', { attempt: 0 })],
  }),
  'late: a run waits behind the one before it': aWorld('26T06:00', {
    runs: [aRun('26T02:00', 'running'), aRun('26T05:00', 'expected')],
  }),
  'late: a run that waited has begun': aWorld('26T06:30', {
    runs: [
      aRun('26T02:00', 'succeeded', { endedAt: '26T06:00' }),
      aRun('26T05:00', 'running', { beganAt: '26T06:01' }),
    ],
  }),
  'late: it ended well, and nothing is said': aWorld('26T07:30', {
    runs: [
      aRun('26T02:00', 'succeeded', { endedAt: '26T06:00' }),
      aRun('26T05:00', 'succeeded', { beganAt: '26T06:01', endedAt: '26T07:00' }),
    ],
  }),
  'failed: with code, facts and hint': aWorld('26T03:00', {
    runs: [
      ok,
      aRun('26T02:00', 'failed', {
        attempt: 3,
        error: new LifeboatError('SOURCE_AUTH_REFUSED', { host: 'db1', user: 'lifeboat' }).toReport(),
      }),
    ],
  }),
  'failed: twice in a row': aWorld('26T03:00', { runs: [aRun('25T02:00', 'failed'), aRun('26T02:00', 'failed')] }),
  'failed: a later run succeeded': aWorld('26T03:00', {
    runs: [aRun('25T02:00', 'failed'), aRun('26T02:00', 'succeeded')],
  }),
  'retrying: the third attempt failed for the same reason': aWorld('26T02:10', {
    runs: [
      ok,
      aRun('26T02:00', 'wished', {
        attempt: 3,
        beganAt: '26T02:09',
        error: new LifeboatError('SOURCE_AUTH_REFUSED', { host: 'db1', user: 'lifeboat' }).toReport(),
      }),
    ],
  }),
  'retrying: two attempts are not many': aWorld('26T02:10', {
    runs: [ok, aRun('26T02:00', 'wished', { attempt: 2, beganAt: '26T02:09' })],
  }),
  'retrying: whether the third attempt fails too is not known at once': aWorld('26T02:10', {
    runs: [ok, aRun('26T02:00', 'running', { attempt: 3, beganAt: '26T02:09' })],
  }),
  'retrying: an attempt after many goes on for a while': aWorld('26T02:20', {
    runs: [ok, aRun('26T02:00', 'running', { attempt: 4, beganAt: '26T02:09' })],
  }),
  'overdue: cancelled by the scheduler': aWorld('26T08:16', {
    runs: [ok, aRun('26T02:00', 'overdue', { reason: 'attempt 1 has run for 6 h' })],
  }),
  'missing: an operator asked, and the agent never came': aWorld('26T08:00', {
    runs: [ok, aRun('26T03:00', 'missed', { requestedBy: 'operator' })],
  }),
  'overdue: nobody cancels it': aWorld('26T08:20', { runs: [ok, aRun('26T02:00', 'running')] }),
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
  'drill-backlog: many wait, and it is told once for all': aWorld('26T03:00', {
    plans: [aPlan(), aPlan({ sourceId: 'audit' })],
    backups: [stale(25), stale(24), stale(23), stale(25, { sourceId: 'audit' }), stale(24, { sourceId: 'audit' })],
  }),
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
  'dead-letter: by kind, with what it was': aWorld('26T12:00', { letters: [lost(3, '26T11:00')] }),
  'dead-letter: quiet for a day': aWorld('27T12:00', { letters: [lost(3, '26T11:00')] }),
  'service-silent: nobody was ever there': aWorld('26T12:00', {
    services: [{ service: 'verifier', lastSeenMs: undefined }],
  }),
  'service-silent: an agent by name': aWorld('26T12:00', {
    services: [{ service: 'backup-agent', name: 'db1', lastSeenMs: at('26T11:57') }],
  }),
  'service-silent: a deploy is shorter': aWorld('26T12:00', {
    services: [{ service: 'scheduler', lastSeenMs: at('26T11:59') }],
  }),
  'rpo-breach: WAL lags behind the promise': aWorld('26T12:00', {
    objectives: [promise({ rpoMs: 2 * HOUR, by: 'wal', recoverableUntil: moment(at('26T10:00')) })],
    wal: [
      aWal('26T12:00', {
        status: 'waiting',
        error: refusedBy('SOURCE_UNREACHABLE'),
        safe: { ...reached('26T11:59') },
        targets: { alpha: reached('26T10:00'), beta: reached('26T09:59') },
      }),
    ],
  }),
  'rpo-breach: WAL without a base does not count': aWorld('26T12:00', {
    objectives: [promise({ rpoMs: 10 * HOUR, by: 'backup', recoverableUntil: moment(at('26T02:00')) })],
    wal: [aWal('26T12:00')],
  }),
  'rpo-breach: exactly as promised is kept': aWorld('26T12:00', { objectives: [promise({ rpoMs: HOUR })] }),
  'rpo-breach: nothing is off-site after a day': aWorld('26T12:00', { objectives: [promise({})] }),
  'rpo-breach: what was set up just now has time': aWorld('26T12:00', {
    watchingSinceMs: at('26T11:30'),
    objectives: [promise({})],
  }),
  'wal-silent: nothing was ever heard of it': aWorld('26T12:00', { wal: [{ ...aWal('26T12:00'), state: undefined }] }),
  'wal-silent: the state is older than a minute': aWorld('26T12:02', {
    wal: [aWal('26T12:00')],
    services: [agent('26T12:02')],
  }),
  'wal-silent: that the agent is gone is told elsewhere': aWorld('26T12:03', {
    wal: [aWal('26T12:00')],
    services: [agent('26T12:00')],
  }),
  'wal-silent: the server cannot be asked': aWorld('26T12:03', {
    wal: [
      aWal('26T12:03', {
        status: 'waiting',
        error: refusedBy('SOURCE_UNREACHABLE'),
        safe: reached('26T12:00'),
        targets: {},
      }),
    ],
  }),
  'wal-silent: a restart of the server is shorter': aWorld('26T12:02', {
    wal: [aWal('26T12:02', { status: 'waiting', safe: reached('26T12:00') })],
  }),
  'wal-silent: too few targets take it': aWorld('26T12:10', {
    wal: [aWal('26T12:10', { safe: reached('26T12:00'), targets: { alpha: reached('26T12:10') } })],
  }),
  'wal-silent: one target lags behind for hours': aWorld('26T12:00', {
    wal: [aWal('26T12:00', { targets: { alpha: reached('26T12:00'), beta: reached('26T10:00') } })],
  }),
  'wal-refused: another cluster under this name': aWorld('26T12:00', {
    wal: [aWal('26T12:00', { status: 'refused', error: refusedBy('TARGET_KEY_TAKEN') })],
  }),
  'slot-retention: more than the warning': aWorld('26T12:00', { wal: [aWal('26T12:00', slot(4.1))] }),
  'slot-retention: exactly the warning': aWorld('26T12:00', { wal: [aWal('26T12:00', slot(4))] }),
  'slot-retention: near the end': aWorld('26T12:00', { wal: [aWal('26T12:00', slot(23))] }),
  'wal-lost: until a base behind the hole is stored': aWorld('26T12:00', {
    wal: [holed(aWal('26T12:00'))],
    ...physical(aBase(26, { state: 'sealed' }), aBase(24)),
  }),
  'wal-lost: told by the agent before anybody wrote it down': aWorld('26T12:00', {
    wal: [aWal('26T12:00', { lost: hole })],
  }),
  'wal-lost: a base behind it is stored': aWorld('26T12:00', {
    wal: [holed(aWal('26T12:00'))],
    ...physical(aBase(25, { state: 'proven' }), aBase(24)),
  }),
  'wal-broken: a drill could not replay it': aWorld('26T12:00', {
    ...physical(aBase(24, { wal: { alpha: [drilledWal('failed', '26T10:00', atSegment)] } })),
  }),
  'wal-broken: it ends before the moment the drill was to reach': aWorld('26T12:00', {
    ...physical(aBase(24, { wal: { beta: [drilledWal('inconclusive', '26T10:00')] } })),
  }),
  'wal-broken: a later drill came past it': aWorld('26T12:00', {
    ...physical(
      aBase(24, {
        wal: {
          alpha: [
            drilledWal('proven', '26T11:00', { reached: lsnOf(26) }),
            drilledWal('failed', '26T10:00', atSegment),
          ],
        },
      }),
    ),
  }),
  'wal-broken: a base leads on behind it there': aWorld('26T12:00', {
    ...physical(aBase(26), aBase(24, { wal: { alpha: [drilledWal('failed', '26T10:00', atSegment)] } })),
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
  'set-incomplete: a member was missed, the other is usable': aWorld('26T12:00', {
    ...setPlans,
    backups: [setBackup(26, 'weekly-database'), ...wholeSet(19)],
    runs: [setRun(19, 'succeeded'), setRun(26, 'missed', { reason: 'no agent began it by 2026-09-26T08:15:00.000Z' })],
  }),
  'set-incomplete: the missed member is being caught up': aWorld('26T12:00', {
    ...setPlans,
    backups: [setBackup(26, 'weekly-database'), ...wholeSet(19)],
    runs: [setRun(19, 'succeeded'), setRun(26, 'running')],
  }),
  'set-incomplete: the next one is complete': aWorld('27T12:00', {
    ...setPlans,
    backups: [...wholeSet(27), setBackup(26, 'weekly-database')],
    runs: [setRun(26, 'missed'), setRun(27, 'succeeded')],
  }),
  'drill-missed: nobody began it in time': aWorld('28T06:20', {
    ...rehearsals,
    runs: [rehearsal('21T06:00', 'succeeded'), rehearsal('28T06:00', 'expected')],
  }),
  'drill-missed: within its grace nothing is said': aWorld('28T06:10', {
    ...rehearsals,
    runs: [rehearsal('21T06:00', 'succeeded'), rehearsal('28T06:00', 'expected')],
  }),
  'drill-missed: a backup it chose was not proven': aWorld('28T12:00', {
    ...rehearsals,
    runs: [
      rehearsal('28T06:00', 'failed', {
        ...{ reason: '20260926T020000Z-dump-aaaaaa from alpha: failed', chosenOf: 28 },
        drills: [{ backupId: '20260926T020000Z-dump-aaaaaa', targetId: 'alpha' }],
      }),
    ],
  }),
  'drill-missed: the next one succeeded': aWorld('29T12:00', {
    ...rehearsals,
    runs: [rehearsal('21T06:00', 'failed'), rehearsal('28T06:00', 'succeeded')],
  }),
  'undersized and growth: a backup of files is as big as what changed': aWorld('26T12:00', {
    backups: [ofFiles(26, { chain: 1 }, 5_000_000), ofFiles(25), ofFiles(24)],
  }),
  'service-silent: the alerter has just begun to listen': aWorld('26T12:00', {
    watchingSinceMs: at('26T11:59'),
    services: [{ service: 'scheduler', lastSeenMs: undefined }],
  }),
}

describe('the rules', () => {
  it('judge as the golden file says', async () => {
    const judged = Object.fromEntries(
      Object.entries(CASES).map(([title, world]) => [title, judge(world).filter((judgement) => 'rule' in judgement)]),
    )
    await expect(`${JSON.stringify(judged, null, 2)}\n`).toMatchFileSnapshot('../../test/golden/rules.golden.json')
  })

  it('are as many as the kinds of incidents there are, and each was seen to speak', () => {
    const heard = Object.values(CASES).flatMap((world) =>
      judge(world).flatMap((found) => ('rule' in found ? found.rule : [])),
    )
    expect(RULES).toHaveLength(IncidentRule.options.length)
    expect([...new Set(heard)].sort()).toEqual([...IncidentRule.options].sort())
  })

  it('say nothing when all is well', () => {
    const services = [{ service: 'scheduler', lastSeenMs: at('26T11:59') }]
    const world = aWorld('26T12:00', {
      wal: [aWal('26T12:00')],
      objectives: [promise({ rpoMs: 10_000, by: 'wal' })],
      ...physical(aBase(25)),
      runs: [ok, aRun('26T02:00', 'succeeded')],
      backups: [aBackup(26), aBackup(25)],
      services,
    })
    expect(judge(world).filter((judgement) => 'rule' in judgement)).toEqual([])
  })

  it('a policy whose backups left the recent ones is unknown, not well', () => {
    const unknown = judge(aWorld('26T12:00')).map(({ cause }) => cause)
    expect(unknown).toEqual([
      'undersized.records.daily',
      'growth.records.daily',
      'unproven.records.daily.alpha',
      'unproven.records.daily.beta',
    ])
  })

  it('give every cause the form of a key, whatever the names', () => {
    const causes = Object.values(CASES).flatMap((world) => judge(world).map(({ cause }) => cause))
    for (const cause of causes) expect(cause).toMatch(/^[a-z0-9][A-Za-z0-9._-]{0,200}$/)
  })
})
