import { expect, test } from 'vitest'
import { watchedFootingsOf } from './config.ts'

test('every source, target and spool of the configuration is waited for, whether a policy uses it or not', () => {
  const sources = { records: { agent: 'db1' }, ledger: { agent: 'db1' } }
  expect(watchedFootingsOf({ sources, targets: { beta: {} } } as never)).toEqual([
    { part: 'source', name: 'records' },
    { part: 'source', name: 'ledger' },
    { part: 'target', name: 'beta' },
    { part: 'spool', name: 'db1' },
    { part: 'scratch', name: 'verifier' },
  ])
})
