import assert from 'node:assert/strict'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import {
  getBytes,
  listKeys,
  optionsFor,
  putBytes,
  rejectsWith,
  settled,
  someBytes,
  type TargetCase,
} from './target-case.ts'

export const READ_CASES: readonly TargetCase[] = [
  {
    name: 'a get from an offset gives the bytes from there to the end',
    clause: 'get',
    async check(target, { prefix, signal }) {
      const bytes = someBytes(200_000)
      await putBytes(target, `${prefix}object`, bytes, signal)
      for (const from of [0, 1, 131_072, 199_999])
        assert.ok(
          (await getBytes(target, `${prefix}object`, signal, from)).equals(bytes.subarray(from)),
          `from ${from}`,
        )
    },
  },
  {
    name: 'a get from the very end gives an empty stream',
    clause: 'get',
    async check(target, { prefix, signal }) {
      await putBytes(target, `${prefix}object`, someBytes(1000), signal)
      assert.equal((await getBytes(target, `${prefix}object`, signal, 1000)).length, 0)
    },
  },
  {
    name: 'a get of an absent key says so, with and without an offset',
    clause: 'get',
    async check(target, { prefix, signal }) {
      await rejectsWith('TARGET_KEY_ABSENT', target.get(`${prefix}nothing`, { signal }))
      await rejectsWith('TARGET_KEY_ABSENT', target.get(`${prefix}nothing`, { from: 10, signal }))
    },
  },
  {
    name: 'a download ends with the reason of its signal, never as a short success',
    clause: 'get',
    async check(target, { prefix, signal }) {
      await putBytes(target, `${prefix}object`, someBytes(8_000_000), signal)
      const stopping = new AbortController()
      const reason = new LifeboatError('SERVICE_STOPPING')
      const body = await target.get(`${prefix}object`, { signal: stopping.signal })
      const reading = settled(
        (async () => {
          for await (const _ of body) stopping.abort(reason)
        })(),
      )
      assert.deepEqual(await reading, { thrown: reason })
    },
  },
  {
    name: 'a download may be left half read',
    clause: 'get',
    async check(target, { prefix, signal }) {
      const bytes = someBytes(4_000_000)
      await putBytes(target, `${prefix}object`, bytes, signal)
      for (let nth = 0; nth < 3; nth++) for await (const _ of await target.get(`${prefix}object`, { signal })) break
      assert.ok((await getBytes(target, `${prefix}object`, signal)).equals(bytes))
    },
  },
  {
    name: 'a stat tells length and digest of what is there',
    clause: 'stat',
    async check(target, { prefix, signal }) {
      const bytes = someBytes(1234)
      const { sha256, md5 } = optionsFor(bytes, signal)
      await putBytes(target, `${prefix}object`, bytes, signal)
      const receipt = await target.stat(`${prefix}object`, { signal })
      assert.equal(receipt?.key, `${prefix}object`)
      assert.equal(receipt?.bytes, 1234)
      assert.ok(receipt.sha256 === sha256 || receipt.md5 === md5, 'no digest came back, or a wrong one')
    },
  },
  {
    name: 'a stat of an absent key is undefined, also where it is the beginning of another key',
    clause: 'stat',
    async check(target, { prefix, signal }) {
      await putBytes(target, `${prefix}folder/object`, someBytes(10), signal)
      for (const name of ['nothing', 'folder', 'folder/', 'folder/obj'])
        assert.equal(await target.stat(`${prefix}${name}`, { signal }), undefined, name)
    },
  },
  {
    name: 'keys with spaces, signs and letters of any script go there and back',
    clause: 'stat',
    async check(target, { prefix, signal }) {
      const keys = ['a b+c', "100% 'sure' & more=?#1", 'grün/日本.txt', 'tilde~(x)!*;,:@$'].map((name) => prefix + name)
      for (const key of keys) await putBytes(target, key, Buffer.from(key), signal)
      for (const key of keys) {
        assert.equal((await getBytes(target, key, signal)).toString(), key)
        assert.equal((await target.stat(key, { signal }))?.key, key)
      }
      assert.deepEqual((await listKeys(target, prefix, signal)).sort(), keys.sort())
    },
  },
]
