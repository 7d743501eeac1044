import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import type { TargetId } from '@lifeboat/shared/domain/ids.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { expect, test } from 'vitest'
import {
  getBytes,
  listKeys,
  optionsFor,
  putBytes,
  rejectsWith,
  settled,
  someBytes,
} from '../conformance/target-case.ts'
import { openMemory } from '../memory.ts'
import { relay } from '../relay.ts'
import { type Fault, faulty } from './faulty.ts'
import { impatient } from './impatient.ts'
import { wrap } from './wrap.ts'

const signal = new AbortController().signal
const silenceMs = 400

test.for(['put', 'get', 'stat', 'list', 'remove', 'lock'] as const)(
  'a target that hangs in %s is unreachable',
  async (on) => {
    const locks = { forMs: () => 1000, extend: async () => undefined }
    const inner = wrap(openMemory('m' as TargetId), { locks })
    const target = impatient(faulty(inner, [{ on, does: 'hang' } satisfies Fault]), { silenceMs })
    const work = {
      put: () => putBytes(target, 'a', someBytes(10), signal),
      get: () => target.get('a', { signal }),
      stat: () => target.stat('a', { signal }),
      list: () => listKeys(target, '', signal),
      remove: () => target.remove('a', { signal }),
      lock: async () => target.locks?.extend('a', new Date(), { signal }),
    }
    await rejectsWith('TARGET_UNREACHABLE', work[on]())
  },
)

test('a target that takes half a body and then no more is unreachable', async () => {
  const inner = openMemory('m' as TargetId)
  const stuck = wrap(inner, {
    put: (key, body, opts) => {
      const half = relay(body(), { signal: opts.signal, each: () => sleep(60_000, undefined, { ref: false }) })
      return inner.put(key, () => half, opts)
    },
  })
  await rejectsWith('TARGET_UNREACHABLE', putBytes(impatient(stuck, { silenceMs }), 'a', someBytes(500_000), signal))
  expect(inner.objects.size).toBe(0)
})

test('a download that stops in the middle is unreachable', async () => {
  const inner = openMemory('m' as TargetId)
  await putBytes(inner, 'a', someBytes(500_000), signal)
  let passed = 0
  const stuck = wrap(inner, {
    get: async (key, opts) =>
      relay(await inner.get(key, opts), {
        each: (chunk) => {
          passed += chunk.length
          return passed > 200_000 ? sleep(60_000, undefined, { ref: false }) : undefined
        },
      }),
  })
  await rejectsWith('TARGET_UNREACHABLE', getBytes(impatient(stuck, { silenceMs }), 'a', signal))
})

test('a slow body of our own is not blamed on the target', async () => {
  const target = impatient(openMemory('m' as TargetId), { silenceMs })
  const bytes = someBytes(3000)
  async function* slowly() {
    for (let from = 0; from < 3000; from += 1000) {
      await sleep(3 * silenceMs)
      yield bytes.subarray(from, from + 1000)
    }
  }
  const receipt = await target.put('a', () => Readable.from(slowly(), { objectMode: false }), optionsFor(bytes, signal))
  expect(receipt.bytes).toBe(3000)
})

test('a slow reader of our own is not blamed on the target', async () => {
  const inner = openMemory('m' as TargetId)
  const bytes = someBytes(3_000_000)
  await putBytes(inner, 'a', bytes, signal)
  const body = await impatient(inner, { silenceMs }).get('a', { signal })
  let read = 0
  for await (const chunk of body) {
    if (read === 0) await sleep(4 * silenceMs)
    read += (chunk as Buffer).length
  }
  expect(read).toBe(3_000_000)
})

test('a stop is told with its own reason, not as silence', async () => {
  const stopping = new AbortController()
  const reason = new LifeboatError('SERVICE_STOPPING')
  const target = impatient(faulty(openMemory('m' as TargetId), [{ on: 'stat', does: 'hang' }]), { silenceMs: 60_000 })
  setTimeout(() => stopping.abort(reason), 20)
  expect(await settled(target.stat('a', { signal: stopping.signal }))).toEqual({ thrown: reason })
})
