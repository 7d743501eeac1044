import { expect, test } from 'vitest'
import { takeFingerprint } from './take-fingerprint.ts'

test('for a run that has ended already nothing is asked', async () => {
  let asked = 0
  const client = {
    query: async () => {
      asked++
      return { rows: [] }
    },
  }
  const signal = AbortSignal.abort(new Error('enough'))
  const fingerprint = takeFingerprint(client as never, { signal, hashTablesUpToBytes: 0 })
  await expect(fingerprint).rejects.toThrow('enough')
  expect(asked).toBe(0)
})
