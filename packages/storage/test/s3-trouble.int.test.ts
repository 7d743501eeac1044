import { createHash } from 'node:crypto'
import { type FaultProxy, startFaultProxy } from '@lifeboat/testkit/fault-proxy.ts'
import { type S3Server, startS3Server } from '@lifeboat/testkit/s3-server.ts'
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
} from '../src/conformance/target-case.ts'
import type { Target } from '../src/target.ts'
import { openBare, openImpatient, openLayered } from './support/s3.ts'

const signal = new AbortController().signal

test.concurrent('a 64 MiB download survives a reset every few megabytes', async () => {
  await using at = await startPlace(openLayered)
  const bytes = someBytes(64 * 1024 * 1024)
  await putBytes(at.target, 'a', bytes, signal)
  for (let nth = 1; nth <= 8; nth++)
    at.proxy.inject({ kind: 'reset-download', afterBytes: nth * 1_500_000 }, { method: 'GET' })
  const hash = createHash('sha256')
  for await (const chunk of await at.target.get('a', { signal })) hash.update(chunk as Buffer)
  expect(hash.digest('hex')).toBe(optionsFor(bytes, signal).sha256)
  expect(at.proxy.seen.filter((request) => request.startsWith('GET'))).toHaveLength(9)
})

test.concurrent('a cut download is an error of the target, never a short success', async () => {
  await using at = await startPlace(openBare)
  await putBytes(at.target, 'a', someBytes(3_000_000), signal)
  at.proxy.inject({ kind: 'reset-download', afterBytes: 1_000_000 }, { method: 'GET' })
  await rejectsWith('TARGET_UNREACHABLE', getBytes(at.target, 'a', signal))
})

test.concurrent('an upload that is cut leaves nothing and succeeds when it is tried again', async () => {
  await using at = await startPlace(openBare)
  const bytes = someBytes(3_000_000)
  at.proxy.inject({ kind: 'reset-upload', afterBytes: 1_000_000 })
  await rejectsWith('TARGET_UNREACHABLE', putBytes(at.target, 'a', bytes, signal))
  expect(at.server.objects()).toEqual([])
  await putBytes(at.target, 'a', bytes, signal)
  expect((await getBytes(at.target, 'a', signal)).equals(bytes)).toBe(true)
})

test.concurrent('a bit flipped on the way up is refused', async () => {
  await using at = await startPlace(openBare)
  at.proxy.inject({ kind: 'flip-upload', atByte: 70_000 })
  await rejectsWith('TARGET_CHECKSUM_MISMATCH', putBytes(at.target, 'a', someBytes(100_000), signal))
  expect(at.server.objects()).toEqual([])
})

test.concurrent('a create whose answer is lost is known for ones own by its digest', async () => {
  await using at = await startPlace(openLayered)
  const bytes = someBytes(100_000)
  at.proxy.inject({ kind: 'lose-answer' }, { method: 'PUT' })
  expect((await putBytes(at.target, 'a', bytes, signal)).sha256).toBe(optionsFor(bytes, signal).sha256)
  await rejectsWith('TARGET_KEY_TAKEN', putBytes(at.target, 'a', someBytes(100_000), signal))
})

test.concurrent('a store that confirms another checksum than was sent is not believed', async () => {
  await using at = await startPlace(openBare)
  at.server.lie('wrong-checksum-in-answer')
  await rejectsWith('TARGET_CHECKSUM_MISMATCH', putBytes(at.target, 'a', someBytes(1000), signal))
})

test.concurrent('a store that keeps nothing but an MD5 is believed by it, and read back where nobody knows that of what was sent', async () => {
  await using at = await startPlace(openBare)
  const bytes = someBytes(1000)
  const { md5, ...untold } = optionsFor(bytes, signal)
  const reads = () => at.proxy.seen.filter((request) => request.startsWith('GET')).length
  at.server.lie('md5-only')
  expect(await at.target.put('first', bodyOf(bytes), untold)).toMatchObject({ md5 })
  expect(reads()).toBe(0)
  // It confirms, so that nobody computes what it is not asked for; and then it does not.
  await at.target.put('confirmed', bodyOf(bytes), untold)
  at.server.lie('md5-only')
  expect(await at.target.put('unconfirmed', bodyOf(bytes), untold)).toMatchObject({ bytes: 1000 })
  expect(reads()).toBe(1)
})

test.concurrent('a store that keeps another MD5 than that of what was sent is not believed, whether that was told or not', async () => {
  await using at = await startPlace(openBare)
  const bytes = someBytes(1000)
  for (const opts of [optionsFor(bytes, signal), { ...optionsFor(bytes, signal), md5: undefined }]) {
    at.server.lie('another-md5-only')
    await rejectsWith('TARGET_CHECKSUM_MISMATCH', at.target.put(`a ${opts.md5}`, bodyOf(bytes), opts))
  }
})

test.concurrent('a store that rots in silence gives other bytes, as every reader can tell by their digest', async () => {
  await using at = await startPlace(openBare)
  const bytes = someBytes(1000)
  at.server.lie('flipped-bit-on-disk')
  await putBytes(at.target, 'a', bytes, signal)
  expect((await getBytes(at.target, 'a', signal)).equals(bytes)).toBe(false)
})

test.concurrent('a store that does not answer is given up on', async () => {
  await using at = await startPlace(openImpatient)
  at.proxy.inject({ kind: 'hang' }, { times: 99 })
  await rejectsWith('TARGET_UNREACHABLE', putBytes(at.target, 'a', someBytes(3_000_000), signal))
})

test.concurrent('a stop while the store hangs is heeded at once, also in a big put', async () => {
  await using at = await startPlace(openLayered)
  at.proxy.inject({ kind: 'hang' })
  const stopping = new AbortController()
  const reason = new Error('stop')
  setTimeout(() => stopping.abort(reason), 200)
  const bytes = someBytes(5_000_000)
  const put = at.target.put('a', bodyOf(bytes), optionsFor(bytes, stopping.signal))
  expect(await settled(put)).toEqual({ thrown: reason })
})

test.concurrent.for([500, 502, 503, 504, 429])('a %s in passing is not noticed', async (status) => {
  await using at = await startPlace(openLayered)
  at.proxy.inject({ kind: 'status', status }, { times: 2 })
  await putBytes(at.target, 'a', someBytes(1000), signal)
})

test.concurrent('a wrong secret, an unknown key and withdrawn rights are TARGET_REFUSED', async () => {
  await using at = await startPlace(openBare)
  for (const wrong of [{ secretAccessKey: 'env:WRONG' }, { accessKeyId: 'env:WRONG' }, { region: 'us-west-7' }]) {
    const target = await openBare(at.server, wrong)
    await rejectsWith('TARGET_REFUSED', target.stat('a', { signal }))
    await rejectsWith('TARGET_REFUSED', putBytes(target, 'a', someBytes(10), signal))
  }
  at.server.deny(true)
  await rejectsWith('TARGET_REFUSED', listKeys(at.target, '', signal))
})

test.concurrent('a bucket that does not exist is TARGET_MISSING, never an absent key', async () => {
  await using at = await startPlace(openBare)
  const target = await openBare(at.server, { bucket: 'nowhere' })
  await rejectsWith('TARGET_MISSING', target.stat('a', { signal }))
  await rejectsWith('TARGET_MISSING', target.get('a', { signal }))
  await rejectsWith('TARGET_MISSING', putBytes(target, 'a', someBytes(10), signal))
  await rejectsWith('TARGET_MISSING', listKeys(target, '', signal))
  await rejectsWith('TARGET_MISSING', target.remove('a', { signal }))
})

test.concurrent('nobody listens at the endpoint: TARGET_UNREACHABLE', async () => {
  await using at = await startPlace(openBare)
  const target = await openBare(at.server, { endpoint: 'http://127.0.0.1:1' })
  await rejectsWith('TARGET_UNREACHABLE', target.stat('a', { signal }))
})

test.concurrent('half a key pair is a mistake in the configuration', async () => {
  await using at = await startPlace(openBare)
  await rejectsWith('CONFIG_INVALID', openBare(at.server, { secretAccessKey: undefined }))
})

test.concurrent('each role is stored in its own class', async () => {
  await using at = await startPlace((server) => openBare(server, { storageClass: { part: 'STANDARD_IA' } }))
  const bytes = someBytes(10)
  await at.target.put('part', bodyOf(bytes), optionsFor(bytes, signal))
  await at.target.put('manifest', bodyOf(bytes), { ...optionsFor(bytes, signal), role: 'manifest' })
  expect(at.server.objects().map(({ key, storageClass }) => [key, storageClass])).toEqual([
    ['manifest', 'STANDARD'],
    ['part', 'STANDARD_IA'],
  ])
})

test.concurrent('removing in a versioned bucket really removes, it hides nothing behind a marker', async () => {
  await using at = await startPlace(openBare)
  await putBytes(at.target, 'a', someBytes(10), signal)
  await at.target.remove('a', { signal })
  expect(at.proxy.seen.some((request) => /^DELETE .*versionId=/.test(request))).toBe(true)
  await putBytes(at.target, 'a', someBytes(20), signal)
})

// Alone: the memory is that of the process.
test('resident memory does not grow with the size of what passes', async () => {
  await using at = await startPlace(openLayered)
  const chunk = someBytes(1024 * 1024)
  const hash = (name: string) => {
    const sum = createHash(name)
    for (let nth = 0; nth < 200; nth++) sum.update(chunk)
    return sum.digest('hex')
  }
  const { Readable } = await import('node:stream')
  const body = () => Readable.from(Array.from({ length: 200 }, () => chunk))
  const before = process.memoryUsage().rss
  let most = 0
  const watching = setInterval(() => {
    most = Math.max(most, process.memoryUsage().rss - before)
  }, 10)
  const opts = { ...optionsFor(chunk, signal), bytes: 200 * chunk.length }
  await at.target.put('a', body, {
    ...opts,
    sha256: hash('sha256') as typeof opts.sha256,
    md5: hash('md5') as typeof opts.md5,
  })
  clearInterval(watching)
  expect(most).toBeLessThan(120 * 1024 * 1024)
})

interface Place extends AsyncDisposable {
  server: S3Server
  proxy: FaultProxy
  /** Speaks to the server through the proxy. */
  target: Target
}

async function startPlace(open: (server: S3Server) => Promise<Target>): Promise<Place> {
  const stack = new AsyncDisposableStack()
  const server = stack.use(await startS3Server())
  const proxy = stack.use(await startFaultProxy(server.endpoint))
  const target = stack.use(await open({ ...server, endpoint: proxy.endpoint }))
  return { server, proxy, target, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}
