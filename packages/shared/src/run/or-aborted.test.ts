import { setImmediate } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { orAborted } from './or-aborted.ts'

test('what nobody waits for any more fails unheard', async () => {
  const unheard: unknown[] = []
  const hear = (reason: unknown) => void unheard.push(reason)
  process.on('unhandledRejection', hear)
  try {
    const { promise, reject } = Promise.withResolvers<never>()
    await expect(orAborted(promise, AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough')
    reject(new Error('too late'))
    await setImmediate()
    expect(unheard).toEqual([])
  } finally {
    process.off('unhandledRejection', hear)
  }
})
