import assert from 'node:assert/strict'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import {
  getBytes,
  isAbsent,
  listKeys,
  putBytes,
  rejectsWith,
  settled,
  someBytes,
  type TargetCase,
} from './target-case.ts'

export const LIST_CASES: readonly TargetCase[] = [
  {
    name: 'a list gives every key below the prefix once, with its length, in byte order',
    clause: 'list',
    async check(target, { prefix, signal }) {
      // More than one page of the test servers; a real store's page (1000) would cost real money.
      const keys = Array.from({ length: 25 }, (_, nth) => `${prefix}db.dump.zst.age.${String(nth).padStart(5, '0')}`)
      await Promise.all(keys.map((key, nth) => putBytes(target, key, someBytes(nth + 1), signal)))
      const seen: [string, number][] = []
      for await (const receipt of target.list(prefix, { signal })) seen.push([receipt.key, receipt.bytes])
      assert.deepEqual(
        seen,
        keys.map((key, nth) => [key, nth + 1]),
      )
    },
  },
  {
    name: 'the order is that of the UTF-8 bytes, whatever the script and wherever folders begin',
    clause: 'list',
    async check(target, { prefix, signal }) {
      const names = ['a/b/c', 'a-b', 'A', 'a0', 'z/a', 'zebra', 'é', '😀', '～']
      const keys = names.map((name) => prefix + name)
      for (const key of keys) await putBytes(target, key, Buffer.from('x'), signal)
      const ordered = keys.toSorted((one, other) => Buffer.compare(Buffer.from(one), Buffer.from(other)))
      assert.deepEqual(await listKeys(target, prefix, signal), ordered)
    },
  },
  {
    name: 'a prefix is plain text, not a folder',
    clause: 'list',
    async check(target, { prefix, signal }) {
      for (const name of ['run1/x', 'run10/x', 'run10/y', 'ru', 'other'])
        await putBytes(target, prefix + name, Buffer.from('x'), signal)
      assert.deepEqual(await listKeys(target, `${prefix}run1`, signal), [
        `${prefix}run1/x`,
        `${prefix}run10/x`,
        `${prefix}run10/y`,
      ])
      assert.deepEqual(await listKeys(target, `${prefix}run1/`, signal), [`${prefix}run1/x`])
    },
  },
  {
    name: 'a list where nothing lies ends without an item',
    clause: 'list',
    async check(target, { prefix, signal }) {
      assert.deepEqual(await listKeys(target, `${prefix}nothing/`, signal), [])
    },
  },
  {
    name: 'a list stops when the signal fires on its first item',
    clause: 'list',
    async check(target, { prefix, signal }) {
      for (const name of ['1', '2', '3']) await putBytes(target, prefix + name, Buffer.from('x'), signal)
      const stopping = new AbortController()
      const reason = new LifeboatError('SERVICE_STOPPING')
      let items = 0
      const listing = (async () => {
        for await (const _ of target.list(prefix, { signal: stopping.signal })) {
          items++
          stopping.abort(reason)
        }
      })()
      assert.deepEqual(await settled(listing), { thrown: reason })
      assert.equal(items, 1)
    },
  },
  {
    name: 'a removed key is absent, its neighbours stay',
    clause: 'remove',
    async check(target, { prefix, signal }) {
      await putBytes(target, `${prefix}one`, someBytes(10), signal)
      await putBytes(target, `${prefix}one-more`, someBytes(10), signal)
      await target.remove(`${prefix}one-more`, { signal })
      await isAbsent(target, `${prefix}one-more`, signal)
      assert.deepEqual(await listKeys(target, prefix, signal), [`${prefix}one`])
    },
  },
  {
    name: 'removing what is absent is fine',
    clause: 'remove',
    async check(target, { prefix, signal }) {
      await target.remove(`${prefix}nothing`, { signal })
      await target.remove(`${prefix}no/such/folder`, { signal })
    },
  },
  {
    name: 'a locked copy survives a remove',
    clause: 'remove',
    needs: 'immutability',
    async check(target, { prefix, signal, lock }) {
      const bytes = someBytes(10)
      await putBytes(target, `${prefix}locked`, bytes, signal)
      await lock?.(`${prefix}locked`)
      await rejectsWith('TARGET_HELD', target.remove(`${prefix}locked`, { signal }))
      assert.ok((await getBytes(target, `${prefix}locked`, signal)).equals(bytes))
    },
  },
]
