import type { BackupRow } from '@lifeboat/catalog/catalog.ts'
import { recordWal } from '@lifeboat/catalog/wal-record.ts'
import { moment, type SourceId, type TargetId } from '@lifeboat/shared/domain/ids.ts'
import { formatLsn, type WalState } from '@lifeboat/shared/domain/wal.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { describe, expect, test } from 'vitest'
import { drillGoal, type GoalQuestion, parseWantedTime, type WantedTime } from './drill-goal.ts'

const HOUR = 3_600_000
const NOON = Date.UTC(2026, 8, 26, 12)
const sourceId = 'records' as SourceId
const at = (hour: number) => moment(NOON + hour * HOUR)
const lsnAt = (hour: number) => formatLsn(BigInt(1e10 + hour * 1e6))

function base(hour: number, copies: Record<string, string>): BackupRow {
  return {
    backupId: `base${hour}`,
    kind: 'base',
    startedAt: at(hour - 1),
    snapshotAt: at(hour),
    physical: { timeline: 1, startLsn: lsnAt(hour - 1), endLsn: lsnAt(hour), chain: 0, checksumFailures: 0 },
    copies,
  } as unknown as BackupRow
}
const rows = [base(-10, { aws: 'stored' }), base(-40, { aws: 'stored', gcp: 'proven' })]
const state = (hour: number) =>
  ({ sourceId, systemIdentifier: '7', timeline: 1, safe: { lsn: lsnAt(hour), at: at(hour) }, targets: {} }) as WalState

function ask(wanted: WantedTime, over: Partial<GoalQuestion> = {}) {
  const summary = { sourceId, recent: rows }
  const known = { state: state(-0.01), record: recordWal(undefined, state(-60)) }
  try {
    const { from, recoverTo } = drillGoal({ wanted, summary, ...known, seed: 'drill.1', nowMs: NOON, ...over })
    return [from.backupId, recoverTo === 'latest' ? recoverTo : recoverTo.time]
  } catch (thrown) {
    return LifeboatError.from(thrown).code
  }
}
const time = (hour: number): WantedTime => ({ time: at(hour) })

describe('a drill to a moment', () => {
  test.each([
    ['begins with the newest base that ended before it', ask(time(-9)), ['base-10', at(-9)]],
    ['begins with an older one where the newer has not ended', ask(time(-10.5)), ['base-40', at(-10.5)]],
    ['begins with what the target holds', ask(time(-9), { targetId: 'gcp' as TargetId }), ['base-40', at(-9)]],
    ['as far as it goes begins with the newest base', ask('latest'), ['base-10', 'latest']],
    ['in the future is refused', ask(time(1)), 'RECOVERY_IN_FUTURE'],
    ['before everything is refused', ask(time(-50)), 'RECOVERY_BEFORE_WINDOW'],
    [
      'before the base that was asked for is refused',
      ask(time(-20), { from: 'base-10' as never }),
      'RECOVERY_BEFORE_WINDOW',
    ],
    ['inside a base is refused', ask(time(-10.5), { from: 'base-10' as never }), 'RECOVERY_INSIDE_BASE'],
    ['that is not off-site yet is refused', ask(time(-0.001)), 'RECOVERY_BEYOND_ARCHIVE'],
    [
      'that the target does not hold yet is refused',
      ask(time(-1), {
        targetId: 'aws' as TargetId,
        state: { ...state(-0.01), targets: { aws: state(-2).safe } } as WalState,
      }),
      'RECOVERY_BEYOND_ARCHIVE',
    ],
    ['without any base is refused', ask('random', { summary: undefined }), 'RECOVERY_NO_BASE'],
    ['without any WAL is refused', ask('latest', { state: undefined }), 'RECOVERY_NO_BASE'],
  ])('%s', (_, found, wanted) => expect(found).toEqual(wanted))

  const idle = { summary: { sourceId, recent: [base(-0.005, { aws: 'stored' })] } }
  const holed = recordWal(recordWal(recordWal(undefined, state(-60)), state(-9)), {
    ...state(-5),
    lost: { timeline: 1, from: lsnAt(-9), to: lsnAt(-8), since: at(-8), reason: 'the slot was dropped' },
  } as WalState)

  test.each([
    ['as far as it goes leads at least to its own end', ask('latest', idle), ['base-0.005', 'latest']],
    ['behind its end is refused, for nothing of then is off-site', ask(time(-0.001), idle), 'RECOVERY_BEYOND_ARCHIVE'],
    ['at random has nothing to choose from', ask('random', idle), 'RECOVERY_BEYOND_ARCHIVE'],
    ['inside it is refused', ask(time(-0.5), idle), 'RECOVERY_INSIDE_BASE'],
    ['before it is refused', ask(time(-2), idle), 'RECOVERY_BEFORE_WINDOW'],
    [
      'as far as it goes leads there before any scheduler wrote down since when WAL is kept',
      ask('latest', unseen()),
      ['base-0.005', 'latest'],
    ],
    ['as far as it goes takes it before an older one', ask('latest', newer()), ['base-0.005', 'latest']],
  ])('of a base that ended behind all WAL known to be off-site, %s', (_, found, wanted) =>
    expect(found).toEqual(wanted),
  )

  test('as far as it goes does not stop before a hole in silence', () =>
    expect(ask('latest', { record: holed })).toBe('RECOVERY_IN_GAP'))

  test('a moment is known before any scheduler wrote down since when WAL is kept, where the agent tells it', () => {
    const begun = { ...state(-0.01), begun: { lsn: lsnAt(-60), at: at(-60) } } as WalState
    expect(ask(time(-9), { state: begun, record: undefined })).toEqual(['base-10', at(-9)])
    expect(ask(time(-9), { record: undefined })).toBe('RECOVERY_NO_BASE')
  })

  function unseen() {
    return { ...idle, record: undefined }
  }

  function newer() {
    return { summary: { sourceId, recent: [...idle.summary.recent, ...rows] } }
  }

  test('at random is the same for the same run, and lies in the window', () => {
    const [, first] = ask('random')
    expect(ask('random')[1]).toBe(first)
    expect(ask('random', { seed: 'drill.2' })[1]).not.toBe(first)
    expect(String(first) > at(-40) && String(first) <= at(-0.01)).toBe(true)
  })
})

test('a moment without an offset would be another one elsewhere, and is refused with the way to write it', () => {
  expect(parseWantedTime('2026-09-26 14:00:00+02:00')).toEqual(time(0))
  expect(() => parseWantedTime('2026-09-26 14:00:00')).toThrow(
    expect.objectContaining({ code: 'RECOVERY_TIME_UNZONED' }),
  )
  expect(() => parseWantedTime('yesterday')).toThrow(expect.objectContaining({ code: 'RECOVERY_GOAL_UNREADABLE' }))
})
