import type { TargetId } from '@lifeboat/shared/domain/ids.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { expect, test } from 'vitest'
import {
  bodyOf,
  getBytes,
  listKeys,
  optionsFor,
  putBytes,
  rejectsWith,
  settled,
  someBytes,
} from '../conformance/target-case.ts'
import { openMemory } from '../memory.ts'
import { type Fault, faulty } from './faulty.ts'
import { resuming } from './resuming.ts'
import { retrying } from './retrying.ts'
import { wrap } from './wrap.ts'

const signal = new AbortController().signal
const soon = { firstDelayMs: 1 }

test('a target that fails three times in passing is not noticed', async () => {
  const away = { does: { fail: 'TARGET_UNREACHABLE' }, times: 3 } as const
  const target = retrying(
    scripted([
      { on: 'put', ...away },
      { on: 'stat', ...away },
      { on: 'list', ...away },
    ]),
    soon,
  )
  const bytes = someBytes(1000)
  await putBytes(target, 'a', bytes, signal)
  expect((await target.stat('a', { signal }))?.bytes).toBe(1000)
  expect(await listKeys(target, '', signal)).toEqual(['a'])
})

test('a lock that fails in passing is asked for again', async () => {
  const until: string[] = []
  const locks = { forMs: () => 1000, extend: async (key: string) => void until.push(key) }
  const inner = wrap(openMemory('m' as TargetId), { locks })
  const script: Fault[] = [{ on: 'lock', does: { fail: 'TARGET_UNREACHABLE' }, times: 3 }]
  await retrying(faulty(inner, script), soon).locks?.extend('a', new Date(), { signal })
  expect(until).toEqual(['a'])
})

test('the fourth failure in a row is told', async () => {
  const target = retrying(scripted([{ on: 'stat', does: { fail: 'TARGET_UNREACHABLE' }, times: 4 }]), soon)
  await rejectsWith('TARGET_UNREACHABLE', target.stat('a', { signal }))
})

test('who is awaited is tried on behind the last try, and what came before the end is not given twice', async () => {
  const inner = scripted([{ on: 'list', does: { fail: 'TARGET_UNREACHABLE' }, times: 5 }])
  await putBytes(inner, 'a', someBytes(1), signal)
  let asked = 0
  const target = retrying(inner, { ...soon, awaiting: { goesOn: () => ++asked <= 5 } })
  expect(await listKeys(target, '', signal)).toEqual(['a'])
  expect(asked).toBe(5)
  const gone = retrying(scripted([{ on: 'stat', does: { fail: 'TARGET_UNREACHABLE' }, times: 5 }]), {
    ...{ ...soon, awaiting: { goesOn: () => false } },
  })
  await rejectsWith('TARGET_UNREACHABLE', gone.stat('a', { signal }))
})

test('what trying again cannot help is told at once', async () => {
  let asked = 0
  const target = retrying(
    wrap(openMemory('m' as TargetId), {
      stat: async () => {
        asked++
        throw new LifeboatError('TARGET_REFUSED')
      },
    }),
    soon,
  )
  await rejectsWith('TARGET_REFUSED', target.stat('a', { signal }))
  expect(asked).toBe(1)
})

test('a put whose answer was lost is tried again and found done', async () => {
  const inner = openMemory('m' as TargetId)
  const target = retrying(faulty(inner, [{ on: 'put', does: 'lose-answer' }]), soon)
  await putBytes(target, 'a', someBytes(1000), signal)
  expect(inner.objects.size).toBe(1)
})

test('every try of a put gets a fresh body', async () => {
  let bodies = 0
  const bytes = someBytes(1000)
  const body = () => {
    bodies++
    return bodyOf(bytes)()
  }
  const inner = openMemory('m' as TargetId)
  let tries = 0
  const target = retrying(
    wrap(inner, {
      put: async (key, fresh, opts) => {
        if (++tries < 3) {
          fresh().destroy()
          throw new LifeboatError('TARGET_UNREACHABLE')
        }
        return inner.put(key, fresh, opts)
      },
    }),
    soon,
  )
  await target.put('a', body, optionsFor(bytes, signal))
  expect(bodies).toBe(3)
  expect(inner.objects.get('a')?.equals(bytes)).toBe(true)
})

test('a list that breaks in the middle goes on behind what was given', async () => {
  const inner = openMemory('m' as TargetId)
  for (const key of ['a', 'b', 'c', 'd']) await putBytes(inner, key, someBytes(1), signal)
  let breaks = 3
  const target = retrying(
    wrap(inner, {
      async *list(prefix, opts) {
        for await (const receipt of inner.list(prefix, opts)) {
          yield receipt
          if (breaks-- > 0) throw new LifeboatError('TARGET_UNREACHABLE')
        }
      },
    }),
    soon,
  )
  expect(await listKeys(target, '', signal)).toEqual(['a', 'b', 'c', 'd'])
})

test('a stop during the pause before the next try is heeded with its reason', async () => {
  const stopping = new AbortController()
  const reason = new LifeboatError('SERVICE_STOPPING')
  const target = retrying(scripted([{ on: 'stat', does: { fail: 'TARGET_UNREACHABLE' } }]), { firstDelayMs: 60_000 })
  setTimeout(() => stopping.abort(reason), 20)
  expect(await settled(target.stat('a', { signal: stopping.signal }))).toEqual({ thrown: reason })
})

test('a download that is cut again and again arrives whole, once', async () => {
  const inner = openMemory('m' as TargetId)
  const bytes = someBytes(1_000_000)
  await putBytes(inner, 'a', bytes, signal)
  const cuts: Fault[] = [200_000, 0, 300_000, 70_000].map((cutAfter) => ({ on: 'get', does: { cutAfter } }))
  const target = resuming(retrying(faulty(inner, cuts), soon))
  expect((await getBytes(target, 'a', signal)).equals(bytes)).toBe(true)
  expect((await getBytes(target, 'a', signal, 999_000)).equals(bytes.subarray(999_000))).toBe(true)
})

test('a download that never gets further is given up', async () => {
  const inner = openMemory('m' as TargetId)
  await putBytes(inner, 'a', someBytes(1000), signal)
  const target = resuming(faulty(inner, [{ on: 'get', does: { cutAfter: 0 }, times: 99 }]))
  await rejectsWith('TARGET_UNREACHABLE', getBytes(target, 'a', signal))
})

test('a flipped bit in a download is not healed here: whoever reads compares digests', async () => {
  const inner = openMemory('m' as TargetId)
  const bytes = someBytes(1000)
  await putBytes(inner, 'a', bytes, signal)
  const got = await getBytes(resuming(faulty(inner, [{ on: 'get', does: 'flip-bit' }])), 'a', signal)
  expect(got.length).toBe(1000)
  expect(got.equals(bytes)).toBe(false)
  expect(inner.objects.get('a')?.equals(bytes)).toBe(true)
})

function scripted(script: Fault[]) {
  return faulty(openMemory('m' as TargetId), script)
}
