import type { BackupRecord } from '@lifeboat/shared/domain/backup.ts'
import { moment, type RunId } from '@lifeboat/shared/domain/ids.ts'
import { describe, expect, it } from 'vitest'
import { type ChoiceQuestion, chooseBackups } from './choose-backups.ts'

const DAY = 86_400_000
const NOW = Date.parse('2026-10-01T06:00:00Z')

const record = (daysAgo: number, over: Record<string, unknown> = {}): BackupRecord => {
  const at = moment(NOW - daysAgo * DAY)
  const copies = { aws: { state: 'proven', conclusion: {}, lastDrill: { at } }, gcp: { state: 'stored' } }
  return {
    ...{
      backupId: `d${String(100 - daysAgo)}`,
      policyId: 'daily',
      startedAt: at,
      snapshotAt: at,
      sealedAt: at,
      copies,
    },
    ...over,
  } as unknown as BackupRecord
}
const days = Array.from({ length: 40 }, (_, i) => record(i + 1))
const ask = (over: Partial<Record<keyof ChoiceQuestion, unknown>>) => {
  const { chosen, of } = chooseBackups({
    ...{ records: days, choose: 'random', withinMs: 30 * DAY, policies: undefined, nowMs: NOW },
    ...{ runId: 'monthly.records.20261001T060000Z' as RunId, ...(over as object) },
  })
  return { chosen: chosen.map(({ record: { backupId }, targetId }) => `${backupId} ${targetId}`), of }
}

describe('the backups a drill with a date of its own is about', () => {
  it('a random one follows from the run id alone, whoever asks and in whatever order the backups come', () => {
    const first = ask({})
    expect(first.chosen).toHaveLength(1)
    expect(first.of).toBe(30)
    expect(ask({ records: days.toReversed() })).toEqual(first)
    const drawn = Array.from({ length: 300 }, (_, month) => ask({ runId: `monthly.records.${month}` }).chosen[0])
    expect(new Set(drawn).size).toBe(30)
  })

  it('none is older than it may be', () => {
    expect(ask({ withinMs: 2 * DAY }).of).toBe(2)
    expect(ask({ records: days.slice(30) })).toEqual({ chosen: [], of: 0 })
  })

  it('the newest of each policy is proven again, proven before or not', () => {
    const base = record(5, { backupId: 'base', policyId: 'weekly-cluster', set: { setId: 'weekly' } })
    expect(ask({ records: [...days, base], choose: 'newest' }).chosen.sort()).toEqual(['base gcp', 'd99 gcp'])
    expect(ask({ records: [...days, base], choose: 'newest', policies: ['weekly'] }).chosen).toEqual(['base gcp'])
  })

  it('every one without a verdict is drilled', () => {
    const fresh = { copies: { aws: { state: 'stored' } } }
    expect(ask({ records: [...days, record(3, { backupId: 'x', ...fresh })], choose: 'unproven' }).chosen).toEqual([
      'x aws',
    ])
  })

  it('a backup no target holds whole is not chosen', () => {
    const bad = { copies: { aws: { state: 'disproven' }, gcp: { state: 'expected' } } }
    expect(ask({ records: [record(1, bad)], choose: 'newest' })).toEqual({ chosen: [], of: 0 })
  })
})
