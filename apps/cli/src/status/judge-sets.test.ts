import { moment, type PolicyId, type RecoveryPointId, type SourceId } from '@lifeboat/shared/domain/ids.ts'
import type { LedgerEntry } from '@lifeboat/shared/domain/ledger.ts'
import { expect, test } from 'vitest'
import { judgeSets } from './judge-sets.ts'

const [setId, policyId, sourceId] = ['archive' as PolicyId, 'archive-dump' as PolicyId, 'records' as SourceId]
const policy = { set: { setId }, sources: [sourceId] }
const config = { policies: { [policyId]: policy } } as unknown as Parameters<typeof judgeSets>[0]['config']

function missed(day: string): LedgerEntry {
  const dueAt = moment(Date.parse(`2026-${day}T03:00:00Z`))
  const point = `archive.2026${day.replace('-', '')}T030000Z` as RecoveryPointId
  const times = { dueAt, lateAt: dueAt, deadlineAt: dueAt }
  const about = { policyId, sourceId, kind: 'dump', requestedBy: 'schedule', attempt: 1 }
  const set = { setId, point, members: [{ policyId, sourceId }] }
  return { ...about, ...times, set, state: 'missed', reason: 'its agent was away' } as unknown as LedgerEntry
}

test('a monthly set that was missed is red for the whole month, with the reason', () => {
  const nowMs = Date.UTC(2026, 8, 29)
  const [status] = judgeSets({ config, summaries: [], memberRuns: [missed('09-01')] }, nowMs)
  expect(status).toMatchObject({
    ...{ setId, light: 'red' },
    newest: { state: 'incomplete', reasons: ['archive-dump of records: missed, its agent was away'] },
  })
})

test('a set that was never due is well', () => {
  expect(judgeSets({ config, summaries: [], memberRuns: [] }, 0)).toEqual([{ setId, light: 'green' }])
})
