import type { PolicyId } from '@lifeboat/shared/domain/ids.ts'
import { expect, test } from 'vitest'
import { expandSets, setsOf } from './expand-sets.ts'
import { PolicySection } from './schema/policy.ts'
import { SetSection } from './schema/set.ts'

const policies = {
  daily: PolicySection.parse({
    ...{ sources: ['records', 'other'], kind: 'dump', schedule: { cron: '0 2 * * *', jitter: '10m' } },
    ...{ targets: ['aws'], keep: { daily: 7 }, drill: { amcheck: false } },
  }),
  changes: PolicySection.parse({
    ...{ sources: ['records'], kind: 'incremental', schedule: { cron: '0 */6 * * *' }, targets: ['aws'] },
  }),
  often: PolicySection.parse({
    ...{ sources: ['records'], kind: 'tables', schedule: { cron: '* * * * *' }, targets: ['aws'] },
    tables: { list: ['results'] },
  }),
  config: PolicySection.parse({
    ...{ sources: ['etc'], kind: 'files', targets: ['aws'] },
    schedule: { cron: '0 * * * *', onChange: {} },
  }),
  weekly: SetSection.parse({
    kind: 'set',
    members: {
      database: { policy: 'daily', sources: ['records'] },
      cluster: { policy: 'changes' },
      tables: { policy: 'often' },
      config: { policy: 'config' },
      code: { sources: ['code'], kind: 'files' },
      own: { sources: ['records'], kind: 'tables', tables: { list: ['settings'] } },
    },
    ...{ schedule: { cron: '0 1 * * 0', zone: 'Europe/Berlin' }, targets: ['gcp'], keep: { weekly: 8 }, hold: 'why' },
  }),
}

const seen = expandSets(policies as never)
const member = (name: string) => seen[`weekly-${name}` as PolicyId]

test('a member takes what its policy takes, when and where its set says', () => {
  expect(member('database')).toMatchObject({
    ...{ sources: ['records'], kind: 'dump', targets: ['gcp'], keep: { weekly: 8 }, drill: { amcheck: false } },
    schedule: { cron: '0 1 * * 0', zone: 'Europe/Berlin', jitter: 0 },
    set: { setId: 'weekly', hold: 'why' },
  })
  expect(member('code')).toMatchObject({ sources: ['code'], kind: 'files', targets: ['gcp'] })
  expect(member('own')?.tables?.list).toEqual(['settings'])
  expect(seen).not.toHaveProperty('weekly')
  expect(seen['daily' as PolicyId]).toEqual(policies.daily)
})

test('a member builds on nothing and refers to nothing', () => {
  expect(member('cluster')?.kind).toBe('base')
  expect(member('config')?.files.maxChain).toBe(0)
  expect(member('config')?.schedule.onChange).toBeUndefined()
  expect(member('tables')?.tables?.atLeastEvery).toBe(0)
})

test('a set is complete with every source of every member', () => {
  expect(setsOf(seen).get('weekly' as PolicyId)).toEqual([
    { policyId: 'weekly-database', sourceId: 'records' },
    { policyId: 'weekly-cluster', sourceId: 'records' },
    { policyId: 'weekly-tables', sourceId: 'records' },
    { policyId: 'weekly-config', sourceId: 'etc' },
    { policyId: 'weekly-code', sourceId: 'code' },
    { policyId: 'weekly-own', sourceId: 'records' },
  ])
})
