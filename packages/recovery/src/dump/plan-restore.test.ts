import { expect, test } from 'vitest'
import { planRestore } from './plan-restore.ts'

const GB = 1e9

test.each([
  [{ databaseBytes: 1 * GB, freeBytes: 100 * GB, cores: 8 }, 1, 'not worth a file'],
  [{ databaseBytes: 10 * GB, freeBytes: 20 * GB, cores: 8 }, 1, '20.0 GB of disk leave no room'],
  [{ databaseBytes: 10 * GB, freeBytes: 100 * GB, cores: 1 }, 1, 'one core'],
  [{ databaseBytes: 10 * GB, freeBytes: 100 * GB, cores: 4 }, 4, '4 jobs restored 10.0 GB in parallel'],
  [{ databaseBytes: 10 * GB, freeBytes: 100 * GB, cores: 64 }, 8, '8 jobs'],
])('%o restores with %d job(s) and says why', (facts, jobs, reason) => {
  const plan = planRestore(facts)
  expect(plan.jobs).toBe(jobs)
  expect(plan.reason).toContain(reason)
})
