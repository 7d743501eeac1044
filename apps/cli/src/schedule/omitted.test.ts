import { expect, test } from 'vitest'
import { tiesOmitted } from './omitted.ts'

const plan = (policyId: string, sourceId: string, kind: string) => ({ policyId, sourceId, kind }) as never
const config = { policies: { 'weekly-dump': { set: { setId: 'weekly' } }, daily: {} }, wal: { cluster: {} } } as never

test('what is not played through is said of those it is about, and of nothing else', () => {
  expect(tiesOmitted(config, [plan('daily', 'records', 'dump')])).toEqual([])
  expect(tiesOmitted(config, [plan('weekly-dump', 'records', 'dump')])).toEqual([
    expect.stringMatching(/^Not played through \(weekly\): members of a set .* stay or go together\.$/),
  ])
  expect(tiesOmitted(config, [plan('bases', 'other', 'base'), plan('changes', 'other', 'incremental')])).toEqual([
    expect.stringMatching(/^Not played through \(other\): incrementals /),
  ])
  expect(tiesOmitted(config, [plan('bases', 'cluster', 'base'), plan('daily', 'cluster', 'dump')])).toEqual([
    expect.stringMatching(/^Not played through \(cluster\): WAL /),
  ])
})
