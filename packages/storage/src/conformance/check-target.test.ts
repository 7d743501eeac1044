import type { TargetId } from '@lifeboat/shared/domain/ids.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { expect, test } from 'vitest'
import { wrap } from '../layers/wrap.ts'
import { openMemory } from '../memory.ts'
import type { Target } from '../target.ts'
import { TARGET_CASES } from './cases.ts'
import { checkTarget } from './check-target.ts'

const { signal } = new AbortController()

test('a target that keeps the contract is fit, and nothing is left there', async () => {
  const memory = openMemory('memory' as TargetId)
  const heard: string[] = []
  const finding = await checkTarget(memory, { signal, onCase: ({ name }) => heard.push(name) })
  expect(finding).toMatchObject({ fit: true, leftBehind: 0 })
  expect(heard).toEqual(TARGET_CASES.map(({ name }) => name))
  expect(memory.objects.size).toBe(0)
})

test('a target that overwrites is unfit, and the finding says which sentence it broke and what follows', async () => {
  const memory = openMemory('memory' as TargetId)
  const overwriting: Target = wrap(memory, {
    put: async (key, body, opts) => {
      memory.objects.delete(key)
      return memory.put(key, body, opts)
    },
  })
  const { fit, cases } = await checkTarget(overwriting, { signal })
  expect(fit).toBe(false)
  expect(cases.find(({ name }) => name.startsWith('other bytes under a taken key'))).toMatchObject({
    clause: 'put',
    outcome: 'broken',
    hint: expect.stringContaining('overwritten'),
  })
  expect(cases.find(({ name }) => name.startsWith('what was put comes back'))?.outcome).toBe('held')
})

test('credentials that may not remove break the clause of remove and no other, and what stays is counted', async () => {
  const memory = openMemory('memory' as TargetId)
  const appendOnly = wrap(memory, {
    remove: async (key) => {
      throw new LifeboatError('TARGET_REFUSED', { targetId: 'memory', key })
    },
  })
  const { fit, cases, leftBehind } = await checkTarget(appendOnly, { signal })
  expect(fit).toBe(false)
  expect(new Set(cases.filter(({ outcome }) => outcome === 'broken').map(({ clause }) => clause))).toEqual(
    new Set(['remove']),
  )
  expect(leftBehind).toBe(memory.objects.size)
})

test('a bucket that is not there is said once, not case by case', async () => {
  const missing = wrap(openMemory('memory' as TargetId), {
    stat: async () => {
      throw new LifeboatError('TARGET_MISSING', { targetId: 'memory' })
    },
  })
  await expect(checkTarget(missing, { signal })).rejects.toMatchObject({ code: 'TARGET_MISSING' })
})

test('an abort ends the check with its reason', async () => {
  const stopping = new AbortController()
  const reason = new LifeboatError('RUN_CANCELLED')
  const check = checkTarget(openMemory('memory' as TargetId), {
    signal: stopping.signal,
    onCase: () => stopping.abort(reason),
  })
  await expect(check).rejects.toBe(reason)
})
