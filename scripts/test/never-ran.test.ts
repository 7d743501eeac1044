import { expect, it } from 'vitest'
import { neverRan } from './never-ran.ts'

type Tests = Record<string, 'passed' | 'failed' | 'pending' | 'skipped' | 'todo'>
const report = (file: string, tests: Tests): string => {
  const assertionResults = Object.entries(tests).map(([fullName, status]) => ({ fullName, status }))
  return JSON.stringify({ testResults: [{ name: file, status: 'passed', assertionResults }] })
}
const CHAIN = 'apps/verifier/test/physical-chain.int.test.ts'
const AZURE = '/lifeboat/packages/storage/test/azure.int.test.ts'

it('names what was left out, whatever kept it from running, and nothing that ran', () => {
  const one = report('/a/apps/cli/test/some.int.test.ts', {
    ran: 'passed',
    fell: 'failed',
    d: 'pending',
    c: 'skipped',
    b: 'todo',
  })
  expect(neverRan([one])).toEqual([
    'apps/cli/test/some.int.test.ts: b',
    'apps/cli/test/some.int.test.ts: c',
    'apps/cli/test/some.int.test.ts: d',
  ])
})

it('forgives a test that passed on another major, where the project lies elsewhere', () => {
  const here = report(`/home/project/${CHAIN}`, { 'a chain is proven': 'skipped', 'a chain is refused': 'passed' })
  const there = report(`/lifeboat/${CHAIN}`, { 'a chain is proven': 'passed', 'a chain is refused': 'skipped' })
  expect(neverRan([here, there])).toEqual([])
})

it('does not take a failure, or a test of the same title in another file, for a run of it', () => {
  const here = report(`/lifeboat/${CHAIN}`, { 'a chain is proven': 'skipped' })
  const there = report(`/lifeboat/${CHAIN}`, { 'a chain is proven': 'failed' })
  const another = report('/lifeboat/apps/backup-agent/test/physical-chain.int.test.ts', {
    'a chain is proven': 'passed',
  })
  expect(neverRan([here, there, another])).toEqual([`${CHAIN}: a chain is proven`])
})

it('excuses what no machine can run, and no test for being slow', () => {
  const slow = report('/lifeboat/packages/postgres/test/toast.slow.int.test.ts', { 'one value of 300 MB': 'skipped' })
  const locked = report(AZURE, {
    'azure under all layers keeps the target contract: a locked copy survives a remove': 'pending',
    'azure under all layers keeps the target contract: a copy survives a restart': 'pending',
    's3 keeps the target contract: a locked copy survives a remove': 'pending',
  })
  expect(neverRan([slow, locked, undefined])).toEqual([
    'packages/postgres/test/toast.slow.int.test.ts: one value of 300 MB',
    'packages/storage/test/azure.int.test.ts: azure under all layers keeps the target contract: a copy survives a restart',
    'packages/storage/test/azure.int.test.ts: s3 keeps the target contract: a locked copy survives a remove',
  ])
})
