import { expect, it } from 'vitest'
import { closingLine, tally } from './tally.ts'

const report = (files: { status: string; tests: string[] }[]): string => {
  const tests = files.flatMap((file) => file.tests)
  const count = (status: string) => tests.filter((test) => test === status).length
  return JSON.stringify({
    numPassedTests: count('passed'),
    numFailedTests: count('failed'),
    numPendingTests: count('pending'),
    numTodoTests: count('todo'),
    testResults: files.map((file) => ({
      status: file.status,
      assertionResults: file.tests.map((status) => ({ status })),
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
