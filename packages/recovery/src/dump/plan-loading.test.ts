import { expect, test } from 'vitest'
import { planLoading } from './plan-loading.ts'

const MB = 1024 ** 2
const table = (id: number, bytes: number, copy = `COPY t${id} (a) FROM stdin;\n`) => ({
  ...{ id, desc: 'TABLE DATA', copy, at: 0, bytes },
})
const ids = (plan: ReturnType<typeof planLoading>) => plan.dealt.map(({ id }) => id)

test('a table of more than the share of a job is dealt, the largest first', () => {
  const plan = planLoading([table(1, 300 * MB), table(2, 100 * MB), table(3, 400 * MB)], 4)
  expect(ids(plan)).toEqual([3, 1])
  expect(plan.otherJobs).toBe(1)
})

test('tables that can be shared out whole are left to pg_restore', () => {
  const even = [1, 2, 3, 4].map((id) => table(id, 100 * MB))
  expect(planLoading(even, 4)).toEqual({ dealt: [], otherJobs: 0 })
})

test('one job alone has nobody to share with', () => {
  expect(ids(planLoading([table(1, 900 * MB)], 1))).toEqual([])
})

test('a small database is not worth it', () => {
  expect(ids(planLoading([table(1, 63 * MB)], 8))).toEqual([])
  expect(ids(planLoading([table(1, 64 * MB)], 8))).toEqual([1])
})

test('a table that is dealt already is in no plan, and takes its share of the jobs', () => {
  const stored = [table(1, 400 * MB), table(2, 300 * MB), table(3, 100 * MB)]
  const plan = planLoading(stored, 4, new Set([1]))
  expect([ids(plan), plan.otherJobs]).toEqual([[2], 1])
  expect(planLoading(stored, 8, new Set([3]))).toMatchObject({ otherJobs: 1 })
  expect(planLoading([table(1, 100 * MB), table(2, 60 * MB), table(3, 60 * MB)], 4, new Set([1]))).toEqual({
    ...{ dealt: [], otherJobs: 2 },
  })
})

test('all other data gets the jobs its share is worth', () => {
  expect(planLoading([table(1, 200 * MB), ...[2, 3, 4, 5, 6, 7].map((id) => table(id, 100 * MB))], 8)).toMatchObject({
    otherJobs: 6,
  })
})

test.each([
  ['large objects', { ...table(1, 900 * MB, ''), desc: 'BLOBS' }],
  ['rows that are INSERT statements', table(1, 900 * MB, '')],
])('%s cannot be dealt', (_, stored) => {
  expect(ids(planLoading([stored], 4))).toEqual([])
})
