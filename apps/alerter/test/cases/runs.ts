import type { LedgerEntry } from '@lifeboat/shared/domain/ledger.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { World } from '../../src/world.ts'
import { aBackup, aPlan, aRun, aWorld, ok } from '../builders.ts'

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

/** Runs that did not happen, or not as they should: missing, late, failed, sets and drills. */
export const RUNS: Record<string, World> = {
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
}
