import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { BackupKind } from '@lifeboat/shared/domain/ids.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { LEAST_MOVED_BYTES } from '../move-mark.ts'
import type { PutOptions } from '../target.ts'
import {
  bodyOf,
  getBytes,
  isAbsent,
  optionsFor,
  putBytes,
  rejectsWith,
  settled,
  someBytes,
  type TargetCase,
} from './target-case.ts'

/** How long a target may take to let go of a put that is aborted: far less than the body, which never ends, and more than a busy machine may stand still. */
const PROMPTLY_MS = 45_000

export const PUT_CASES: readonly TargetCase[] = [
  {
    name: 'what was put comes back byte for byte',
    clause: 'put',
    async check(target, { prefix, signal }) {
      const bytes = someBytes(300_000)
      await putBytes(target, `${prefix}object`, bytes, signal)
      assert.ok((await getBytes(target, `${prefix}object`, signal)).equals(bytes), 'other bytes came back')
    },
  },
  {
    name: 'a single byte is stored like any other body',
    clause: 'put',
    async check(target, { prefix, signal }) {
      await putBytes(target, `${prefix}one`, Buffer.from('x'), signal)
      assert.equal((await getBytes(target, `${prefix}one`, signal)).toString(), 'x')
    },
  },
  {
    name: 'the receipt of a put names key, length and a digest of the bytes',
    clause: 'put',
    async check(target, { prefix, signal }) {
      const bytes = someBytes(1000)
      const { sha256, md5 } = optionsFor(bytes, signal)
      const receipt = await putBytes(target, `${prefix}object`, bytes, signal)
      assert.equal(receipt.key, `${prefix}object`)
      assert.equal(receipt.bytes, 1000)
      assert.ok(receipt.sha256 === sha256 || receipt.md5 === md5, 'the store confirmed no digest')
    },
  },
  {
    name: 'every role can be stored',
    clause: 'put',
    async check(target, { prefix, signal }) {
      for (const role of ['part', 'wal', 'document', 'manifest', 'evidence', 'marker'] as const) {
        const bytes = someBytes(64)
        await target.put(`${prefix}${role}`, bodyOf(bytes), { ...optionsFor(bytes, signal), role })
      }
    },
  },
  {
    name: 'parts of every kind of backup can be stored, also those that are marked to be moved later',
    clause: 'put',
    async check(target, { prefix, signal }) {
      const bytes = someBytes(LEAST_MOVED_BYTES)
      for (const kind of BackupKind.options) {
        const key = `${prefix}records/backups/20260926T020000Z-${kind}-k3f9qa/db.zst.age.00000`
        await putBytes(target, key, bytes, signal)
        assert.equal((await putBytes(target, key, bytes, signal)).bytes, LEAST_MOVED_BYTES)
      }
    },
  },
  {
    name: 'the same put again is a success',
    clause: 'put',
    async check(target, { prefix, signal }) {
      const bytes = someBytes(50_000)
      await putBytes(target, `${prefix}object`, bytes, signal)
      assert.equal((await putBytes(target, `${prefix}object`, bytes, signal)).bytes, 50_000)
      assert.ok((await getBytes(target, `${prefix}object`, signal)).equals(bytes))
    },
  },
  {
    name: 'other bytes under a taken key are refused and the first bytes stay',
    clause: 'put',
    async check(target, { prefix, signal }) {
      const first = someBytes(10_000)
      await putBytes(target, `${prefix}object`, first, signal)
      await rejectsWith('TARGET_KEY_TAKEN', putBytes(target, `${prefix}object`, someBytes(10_000), signal))
      await rejectsWith('TARGET_KEY_TAKEN', putBytes(target, `${prefix}object`, someBytes(99), signal))
      assert.ok((await getBytes(target, `${prefix}object`, signal)).equals(first), 'the first bytes are gone')
    },
  },
  {
    name: 'of several puts of different bytes at once exactly one wins',
    clause: 'put',
    needs: 'conditionalPut',
    async check(target, { prefix, signal }) {
      const bodies = Array.from({ length: 4 }, () => someBytes(20_000))
      const outcomes = await Promise.all(
        bodies.map((bytes) => settled(putBytes(target, `${prefix}object`, bytes, signal))),
      )
      const winners = bodies.filter((_, nth) => 'value' in (outcomes[nth] ?? {}))
      assert.equal(winners.length, 1, `${winners.length} puts were told they succeeded`)
      for (const outcome of outcomes)
        if ('thrown' in outcome) await rejectsWith('TARGET_KEY_TAKEN', Promise.reject(outcome.thrown))
      const [winner] = winners
      assert.ok(winner?.equals(await getBytes(target, `${prefix}object`, signal)), 'a loser overwrote the winner')
    },
  },
  {
    name: 'several puts of the same bytes at once all succeed',
    clause: 'put',
    async check(target, { prefix, signal }) {
      const bytes = someBytes(20_000)
      await Promise.all(Array.from({ length: 3 }, () => putBytes(target, `${prefix}object`, bytes, signal)))
      assert.ok((await getBytes(target, `${prefix}object`, signal)).equals(bytes))
    },
  },
  {
    name: 'a body shorter or longer than announced is refused and leaves nothing to read',
    clause: 'put',
    async check(target, { prefix, signal }) {
      const bytes = someBytes(200_000)
      for (const [name, announced] of Object.entries({ short: 200_001, long: 150_000 })) {
        const put = target.put(`${prefix}${name}`, bodyOf(bytes), { ...optionsFor(bytes, signal), bytes: announced })
        assert.ok('thrown' in (await settled(put)), `a body too ${name} was accepted`)
        await isAbsent(target, `${prefix}${name}`, signal)
      }
    },
  },
  {
    name: 'bytes that differ from their announced digest are refused and leave nothing to read',
    clause: 'put',
    async check(target, { prefix, signal }) {
      const bytes = someBytes(100_000)
      const put = target.put(`${prefix}object`, bodyOf(flippedAt(bytes, 70_000)), optionsFor(bytes, signal))
      await rejectsWith('TARGET_CHECKSUM_MISMATCH', put)
      await isAbsent(target, `${prefix}object`, signal)
      await putBytes(target, `${prefix}object`, bytes, signal)
    },
  },
  {
    name: 'a body whose MD5 is not told is stored like any other, also a second time, and not over others',
    clause: 'put',
    async check(target, { prefix, signal }) {
      const [bytes, others] = [someBytes(100_000), someBytes(100_000)]
      const put = (body: Buffer) => target.put(`${prefix}object`, bodyOf(body), withoutMd5(body, signal))
      for (const _time of [1, 2]) assert.equal((await put(bytes)).bytes, 100_000)
      await rejectsWith('TARGET_KEY_TAKEN', put(others))
      assert.ok((await getBytes(target, `${prefix}object`, signal)).equals(bytes), 'other bytes came back')
    },
  },
  {
    name: 'bytes that differ from their announced digest are refused without an MD5 as well',
    clause: 'put',
    async check(target, { prefix, signal }) {
      const bytes = someBytes(100_000)
      const put = target.put(`${prefix}object`, bodyOf(flippedAt(bytes, 70_000)), withoutMd5(bytes, signal))
      await rejectsWith('TARGET_CHECKSUM_MISMATCH', put)
      await isAbsent(target, `${prefix}object`, signal)
    },
  },
  {
    name: 'bytes that are damaged when they are read another time do not get there',
    clause: 'put',
    async check(target, { prefix, signal }) {
      const bytes = someBytes(100_000)
      let times = 0
      const worse = () => bodyOf(times++ === 0 ? bytes : flippedAt(bytes, 70_000))()
      const outcome = await settled(target.put(`${prefix}object`, worse, withoutMd5(bytes, signal)))
      if ('value' in outcome) assert.ok((await getBytes(target, `${prefix}object`, signal)).equals(bytes))
      else await isAbsent(target, `${prefix}object`, signal)
    },
  },
  {
    name: 'an interrupted put leaves nothing to read and can be repeated',
    clause: 'put',
    async check(target, { prefix, signal }) {
      const bytes = someBytes(1_000_000)
      const breaking = () => Readable.from(halfThen(bytes, Promise.reject(new Error('the reader of the body broke'))))
      assert.ok('thrown' in (await settled(target.put(`${prefix}object`, breaking, optionsFor(bytes, signal)))))
      await isAbsent(target, `${prefix}object`, signal)
      await putBytes(target, `${prefix}object`, bytes, signal)
      assert.ok((await getBytes(target, `${prefix}object`, signal)).equals(bytes))
    },
  },
  {
    name: 'an aborted put rejects with the reason of its signal, promptly, and leaves nothing to read',
    clause: 'put',
    async check(target, { prefix, signal }) {
      const bytes = someBytes(1_000_000)
      const stopping = new AbortController()
      const reason = new LifeboatError('SERVICE_STOPPING')
      const hanging = () => Readable.from(halfThen(bytes, new Promise(() => undefined)))
      const put = settled(target.put(`${prefix}object`, hanging, optionsFor(bytes, stopping.signal)))
      await sleep(100)
      stopping.abort(reason)
      const outcome = await Promise.race([put, sleep(PROMPTLY_MS, 'still waiting', { ref: false })])
      assert.deepEqual(outcome, { thrown: reason })
      await isAbsent(target, `${prefix}object`, signal)
    },
  },
  {
    name: 'a put whose signal has fired already sends nothing',
    clause: 'put',
    async check(target, { prefix, signal }) {
      const bytes = someBytes(1000)
      const reason = new LifeboatError('SERVICE_STOPPING')
      const put = target.put(`${prefix}object`, bodyOf(bytes), optionsFor(bytes, AbortSignal.abort(reason)))
      assert.deepEqual(await settled(put), { thrown: reason })
      await isAbsent(target, `${prefix}object`, signal)
    },
  },
]

function withoutMd5(bytes: Buffer, signal: AbortSignal): PutOptions {
  return { ...optionsFor(bytes, signal), md5: undefined }
}

function flippedAt(bytes: Buffer, at: number): Buffer {
  const flipped = Buffer.from(bytes)
  flipped[at] = (flipped[at] ?? 0) ^ 1
  return flipped
}

async function* halfThen(bytes: Buffer, end: Promise<never>): AsyncGenerator<Buffer> {
  // A rejection nobody awaits yet would end the process before the generator comes to it.
  end.catch(() => undefined)
  yield bytes.subarray(0, bytes.length / 2)
  yield await end
}
