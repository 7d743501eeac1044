import type { BackupRecord } from '@lifeboat/shared/domain/backup.ts'
import { moment } from '@lifeboat/shared/domain/ids.ts'
import { expect, test } from 'vitest'
import { candidateOf } from './candidate.ts'

const [STARTED, SNAPSHOT, STORED] = [1, 2, 3].map((hour) => Date.UTC(2026, 8, 26, hour)) as [number, number, number]

const record = (over: object = {}) =>
  ({
    ...{ backupId: 'one', sourceId: 'records', policyId: 'daily', kind: 'base', bytes: 7, copies: {} },
    ...{ startedAt: moment(STARTED), snapshotAt: moment(SNAPSHOT), sealedAt: moment(STORED) },
    ...over,
  }) as unknown as BackupRecord

/** `state proven` of one copy. */
function copy(one: object): string | undefined {
  const [found] = candidateOf(record({ copies: { aws: one } }))?.copies ?? []
  return found && `${found.state}${found.proven ? ' proven' : ''}`
}

test('each state of a copy is there, bad, or still coming; what was refused or let go is none', () => {
  const states = ['expected', 'missing', 'stored', 'proven', 'disproven', 'damaged', 'refused', 'expired']
  expect(states.map((state) => copy({ state }))).toEqual([
    ...['coming', 'coming', 'there', 'there proven', 'bad', 'bad', undefined, undefined],
  ])
})

test('what a mark hides counts as it did before it was hidden: damaged or disproven it is bad, whatever a drill said of it once', () => {
  const proven = { verdict: 'proven' }
  expect(copy({ state: 'marked' })).toBe('there')
  expect(copy({ state: 'marked', conclusion: proven })).toBe('there proven')
  expect(copy({ state: 'marked', conclusion: proven, audit: { found: 'whole' } })).toBe('there proven')
  expect(copy({ state: 'marked', conclusion: proven, audit: { found: 'damaged' } })).toBe('bad')
  expect(copy({ state: 'marked', conclusion: { verdict: 'failed' } })).toBe('bad')
})

test('it brings back the moment of its snapshot, needs its parents, and was stored when its target took it', () => {
  const links = {
    physical: { parent: 'base-0', timeline: 1, startLsn: '0/1', endLsn: '0/2' },
    files: { parent: 'full' },
  }
  const copies = { aws: { state: 'stored', storedAt: moment(STORED) } }
  expect(candidateOf(record({ ...links, copies }))).toMatchObject({
    ...{ atMs: SNAPSHOT, needs: ['base-0', 'full'], sealed: true, copies: [{ storedMs: STORED }] },
  })
  expect(candidateOf(record({ snapshotAt: undefined }))).toMatchObject({ atMs: STARTED, needs: [] })
})

test('an attempt that failed is no backup; one that was sealed is, whatever failed before', () => {
  const failedAt = moment(STARTED)
  expect(candidateOf(record({ sealedAt: undefined, failedAt }))).toBeUndefined()
  expect(candidateOf(record({ failedAt }))?.sealed).toBe(true)
  expect(candidateOf(record({ sealedAt: undefined }))?.sealed).toBe(false)
})
