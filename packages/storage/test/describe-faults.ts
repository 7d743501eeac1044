import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { FaultProxy } from '@lifeboat/testkit/fault-proxy.ts'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  bodyOf,
  getBytes,
  listKeys,
  optionsFor,
  putBytes,
  rejectsWith,
  settled,
  someBytes,
} from '../src/conformance/target-case.ts'
import { impatient } from '../src/layers/impatient.ts'
import { resuming } from '../src/layers/resuming.ts'
import { retrying } from '../src/layers/retrying.ts'
import type { Target } from '../src/target.ts'

/** A target whose every request passes a proxy, and what only the owner of the store can do. */
export interface ExposedTarget extends AsyncDisposable {
  target: Target
  proxy: FaultProxy
  /** Takes the bucket or container away. */
  removeStore(): Promise<void>
}

/** What uploads, and only they, look like on the wire. */
export interface UploadRule {
  method: string
  path?: RegExp
}

const SIZE = 3_000_000
const MIDDLE = 1_500_000

/** The bad days of a cloud, one by one: what the bare target says of them, and what the layers make of them. */
export function describeFaults(name: string, upload: UploadRule, open: () => Promise<ExposedTarget>): void {
  describe(`${name} on a bad day:`, () => {
    let opened: ExposedTarget
    let bare: Target
    let layered: Target
    let key: string
    let nth = 0
    const { signal } = new AbortController()
    const bytes = someBytes(SIZE)
    const download = { method: 'GET' }

    beforeAll(async () => {
      opened = await open()
      bare = opened.target
      layered = resuming(retrying(impatient(bare, { silenceMs: 5000 }), { firstDelayMs: 10 }))
    })
    afterAll(async () => {
      await bare?.[Symbol.asyncDispose]()
      await opened?.[Symbol.asyncDispose]()
    })
    beforeEach(() => {
      opened.proxy.heal()
      key = `records/${String(nth++)}.age.00000`
    })
    const comesBackWhole = async () => expect((await getBytes(bare, key, signal)).equals(bytes)).toBe(true)
    const nothingIsThere = async () => {
      opened.proxy.heal()
      expect(await bare.stat(key, { signal })).toBeUndefined()
      expect(await listKeys(bare, key, signal)).toEqual([])
    }

    it('an upload answered 503 twice is tried again and arrives once', async () => {
      opened.proxy.inject({ kind: 'status', status: 503 }, { ...upload, times: 2 })
      await putBytes(layered, key, bytes, signal)
      await comesBackWhole()
    })
    it('a 503 is TARGET_UNREACHABLE whatever was asked', async () => {
      const asked = [
        () => putBytes(bare, key, bytes, signal),
        () => getBytes(bare, key, signal),
        () => bare.stat(key, { signal }),
        () => listKeys(bare, 'records/', signal),
        () => bare.remove(key, { signal }),
      ]
      opened.proxy.inject({ kind: 'status', status: 503 }, { times: 20 })
      for (const ask of asked) await rejectsWith('TARGET_UNREACHABLE', ask())
    })
    it('a connection reset inside an upload leaves nothing and is tried again', async () => {
      opened.proxy.inject({ kind: 'reset-upload', afterBytes: MIDDLE }, upload)
      await rejectsWith('TARGET_UNREACHABLE', putBytes(bare, key, bytes, signal))
      await nothingIsThere()
      opened.proxy.inject({ kind: 'reset-upload', afterBytes: MIDDLE }, upload)
      await putBytes(layered, key, bytes, signal)
      await comesBackWhole()
    })
    it('an upload whose answer is lost is found to have succeeded', async () => {
      opened.proxy.inject({ kind: 'lose-answer' }, upload)
      expect(await putBytes(layered, key, bytes, signal)).toMatchObject({ key, bytes: SIZE })
      await comesBackWhole()
    })
    it('a body that breaks is told by its own error, not blamed on the store', async () => {
      const gone = new LifeboatError('AGENT_UNREACHABLE')
      const breaking = () =>
        Readable.from(
          (async function* () {
            yield bytes.subarray(0, MIDDLE)
            await sleep(50)
            throw gone
          })(),
        )
      expect(await settled(bare.put(key, breaking, optionsFor(bytes, signal)))).toEqual({ thrown: gone })
      await nothingIsThere()
    })
    it('one bit flipped on the way up is refused by the store and leaves the key free for the next try', async () => {
      opened.proxy.inject({ kind: 'flip-upload', atByte: MIDDLE }, upload)
      await rejectsWith('TARGET_CHECKSUM_MISMATCH', putBytes(bare, key, bytes, signal))
      await nothingIsThere()
      await putBytes(bare, key, bytes, signal)
      await comesBackWhole()
    })
    it('one bit flipped on the way up is refused by the store also where nobody told the MD5', async () => {
      const opts = { ...optionsFor(bytes, signal), md5: undefined }
      opened.proxy.inject({ kind: 'flip-upload', atByte: MIDDLE }, upload)
      await rejectsWith('TARGET_CHECKSUM_MISMATCH', bare.put(key, bodyOf(bytes), opts))
      await nothingIsThere()
      await bare.put(key, bodyOf(bytes), opts)
      await comesBackWhole()
    })
    it('one bit flipped on the way down is seen by whoever compares digests, never hidden', async () => {
      await putBytes(bare, key, bytes, signal)
      opened.proxy.inject({ kind: 'flip-download', atByte: MIDDLE }, download)
      const outcome = await settled(getBytes(bare, key, signal))
      expect('value' in outcome && outcome.value.equals(bytes)).toBe(false)
    })
    it('a download that is cut is an error, and is taken up where it broke', async () => {
      await putBytes(bare, key, bytes, signal)
      opened.proxy.inject({ kind: 'reset-download', afterBytes: MIDDLE }, download)
      await rejectsWith('TARGET_UNREACHABLE', getBytes(bare, key, signal))
      opened.proxy.inject({ kind: 'reset-download', afterBytes: MIDDLE }, { ...download, times: 3 })
      expect((await getBytes(layered, key, signal)).equals(bytes)).toBe(true)
      opened.proxy.inject({ kind: 'reset-download', afterBytes: 1000 }, download)
      expect((await getBytes(layered, key, signal, 17)).equals(bytes.subarray(17))).toBe(true)
    })
    it('a store that never answers is given up, and holds no connection afterwards', async () => {
      const patience = { silenceMs: 300 }
      const hasty = impatient(bare, patience)
      opened.proxy.inject({ kind: 'hang' }, { times: 20 })
      for (const ask of [
        () => putBytes(hasty, key, bytes, signal),
        () => getBytes(hasty, key, signal),
        () => hasty.stat(key, { signal }),
        () => listKeys(hasty, 'records/', signal),
        () => hasty.remove(key, { signal }),
      ])
        await rejectsWith('TARGET_UNREACHABLE', ask())
      for (let waited = 0; opened.proxy.hanging > 0 && waited < 20_000; waited += 20) await sleep(20)
      expect(opened.proxy.hanging).toBe(0)
    })
    it('an abort while the store hangs rejects with its reason at once', async () => {
      const stopping = new AbortController()
      const reason = new LifeboatError('SERVICE_STOPPING')
      opened.proxy.inject({ kind: 'hang' })
      const put = settled(bare.put(key, bodyOf(bytes), optionsFor(bytes, stopping.signal)))
      setTimeout(() => stopping.abort(reason), 50)
      // Of a put that does not heed it nothing would be heard: the store never answers.
      expect(await put).toEqual({ thrown: reason })
    })
    it('a download that is broken off leaves other work of the same process alone', async () => {
      await putBytes(bare, key, bytes, signal)
      const others = Array.from({ length: 4 }, (_, other) => putBytes(bare, `${key}.${other}`, bytes, signal))
      for (let turn = 0; turn < 5; turn++) for await (const _ of await bare.get(key, { signal })) break
      await Promise.all(others)
    })
    it('a store without the bucket says TARGET_MISSING, never "absent"', async () => {
      await opened.removeStore()
      for (const ask of [
        () => putBytes(bare, key, bytes, signal),
        () => getBytes(bare, key, signal),
        () => bare.stat(key, { signal }),
        () => listKeys(bare, 'records/', signal),
        () => bare.remove(key, { signal }),
      ])
        await rejectsWith('TARGET_MISSING', ask())
    })
    it('a server that is gone is TARGET_UNREACHABLE', async () => {
      await opened.proxy[Symbol.asyncDispose]()
      await rejectsWith('TARGET_UNREACHABLE', putBytes(bare, key, bytes, signal))
      await rejectsWith('TARGET_UNREACHABLE', getBytes(bare, key, signal))
      await rejectsWith('TARGET_UNREACHABLE', bare.stat(key, { signal }))
    })
  })
}
