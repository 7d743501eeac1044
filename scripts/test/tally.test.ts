import { expect, it } from 'vitest'
import { add, closingLine, failures, leftOut, suitesThatRan, tally } from './tally.ts'

const report = (files: { name?: string; status: string; tests: string[] }[]): string => {
  const tests = files.flatMap((file) => file.tests)
  const count = (status: string) => tests.filter((test) => test === status).length
  return JSON.stringify({
    numPassedTests: count('passed'),
    numPendingTests: count('pending'),
    numTodoTests: count('todo'),
    testResults: files.map((file) => ({
      name: file.name ?? '/lifeboat/packages/shared/src/some.test.ts',
      status: file.status,
      assertionResults: file.tests.map((status) => ({ status, fullName: `a ${status} test` })),
    })),
  })
}

it('counts passed, failed and skipped tests over all files', () => {
  const counts = tally(
    report([
      { status: 'passed', tests: ['passed', 'passed', 'pending'] },
      { status: 'failed', tests: ['failed', 'passed', 'todo'] },
    ]),
  )
  expect(closingLine(counts)).toBe('3 passed, 1 failed, 2 skipped')
})

it('counts a file that did not load as a failure although none of its tests failed', () => {
  expect(tally(report([{ status: 'failed', tests: [] }])).failed).toBe(1)
})

it('calls a run that left no report failed', () => {
  expect(closingLine(tally(undefined))).toBe('0 passed, 1 failed, 0 skipped')
})

it('adds the counts of several runs', () => {
  const one = tally(report([{ status: 'failed', tests: ['passed', 'failed', 'pending'] }]))
  const other = tally(report([{ status: 'passed', tests: ['passed', 'passed'] }]))
  expect(closingLine(add(one, other))).toBe('3 passed, 1 failed, 1 skipped')
})

it('calls only those suites run of which a test passed', () => {
  const folder = '/lifeboat/packages/storage/test'
  const json = report([
    { name: `${folder}/s3.int.test.ts`, status: 'passed', tests: ['passed', 'pending'] },
    { name: `${folder}/gcs.int.test.ts`, status: 'passed', tests: ['pending', 'pending'] },
    { name: `${folder}/azure.int.test.ts`, status: 'failed', tests: [] },
    { name: `${folder}/kinds.test.ts`, status: 'passed', tests: ['passed'] },
  ])
  expect(suitesThatRan(json)).toEqual(['s3'])
  expect(suitesThatRan(undefined)).toEqual([])
})

it('names every test that did not run, whatever kept it from running', () => {
  const json = report([
    { status: 'passed', tests: ['passed', 'pending'] },
    { status: 'passed', tests: ['skipped', 'todo'] },
  ])
  expect(leftOut(json)).toEqual(['a pending test', 'a skipped test', 'a todo test'])
})

it('names every test that failed, and a file that failed without one', () => {
  const json = report([
    { status: 'failed', tests: ['passed', 'failed'] },
    { name: '/lifeboat/apps/cli/src/torn.test.ts', status: 'failed', tests: [] },
  ])
  expect(failures(json)).toEqual(['a failed test', '/lifeboat/apps/cli/src/torn.test.ts'])
  expect(failures(undefined)).toHaveLength(1)
})
