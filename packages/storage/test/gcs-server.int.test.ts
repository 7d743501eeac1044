import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { type File, Storage } from '@google-cloud/storage'
import { type GcsServer, startGcsServer } from '@lifeboat/testkit/gcs-server.ts'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { someBytes } from '../src/conformance/target-case.ts'

const UNIT = 256 * 1024

interface Refusal {
  error: { errors: { reason: string }[] }
}
interface Page {
  items?: { name: string }[]
  prefixes?: string[]
  nextPageToken?: string
}

let server: GcsServer
beforeEach(async () => {
  server = await startGcsServer({ buckets: ['b'] })
})
afterEach(() => server[Symbol.asyncDispose]())

describe('the test server for Google Cloud Storage serves the official client', () => {
  const file = (name: string): File =>
    new Storage({ apiEndpoint: server.endpoint, projectId: 'x', retryOptions: { autoRetry: false } })
      .bucket('b')
      .file(name)

  for (const [way, options] of Object.entries({
    simple: { resumable: false },
    'resumable in one piece': { resumable: true },
    'resumable in chunks': { resumable: true, chunkSize: 2 * UNIT },
  }))
    it(`uploads (${way}) and downloads with its own checksums`, async () => {
      const bytes = someBytes(5 * UNIT + 17)
      const object = file('folder/a b+ü')
      await object.save(bytes, { ...options, metadata: { metadata: { answer: '42' } } })
      const [metadata] = await object.getMetadata()
      expect(metadata).toMatchObject({ name: 'folder/a b+ü', size: String(bytes.length), metadata: { answer: '42' } })
      expect(metadata.md5Hash).toBe(createHash('md5').update(bytes).digest('base64'))
      expect((await object.download({ validation: 'crc32c' }))[0].equals(bytes)).toBe(true)
      expect((await object.download({ start: 10, end: 19 }))[0].equals(bytes.subarray(10, 20))).toBe(true)
    })

  it('stores an empty object both ways', async () => {
    for (const resumable of [true, false]) {
      await pipeline(Readable.from([]), file(`empty-${resumable}`).createWriteStream({ resumable }))
      expect((await file(`empty-${resumable}`).download())[0].length).toBe(0)
    }
  })

  it('patches holds and metadata, and keeps what is held against removal and overwriting', async () => {
    const object = file('held')
    await object.save('one', { metadata: { metadata: { keep: 'a', drop: 'b' } } })
    const [patched] = await object.setMetadata({ temporaryHold: true, metadata: { drop: null } })
    expect(patched).toMatchObject({ metageneration: '2', temporaryHold: true, metadata: { keep: 'a' } })
    await expect(object.delete()).rejects.toMatchObject({ code: 403 })
    await expect(object.save('two', { resumable: false })).rejects.toMatchObject({ code: 403 })
    await object.setMetadata({ temporaryHold: false })
    await object.delete()
    await expect(object.getMetadata()).rejects.toMatchObject({ code: 404 })
  })

  it('creates, finds and removes buckets', async () => {
    const { storage } = file('any')
    await storage.createBucket('other-bucket')
    await expect(storage.createBucket('other-bucket')).rejects.toMatchObject({ code: 409 })
    expect(await storage.bucket('nowhere').exists()).toEqual([false])
    await storage.bucket('other-bucket').file('x').save('x')
    await expect(storage.bucket('other-bucket').delete()).rejects.toMatchObject({ code: 409 })
    await storage.bucket('other-bucket').file('x').delete()
    await storage.bucket('other-bucket').delete()
    expect((await storage.getBuckets())[0].map(({ name }) => name)).toEqual(['b'])
  })
})

describe('the test server for Google Cloud Storage refuses what Google refuses:', () => {
  const uploads = () => `${server.endpoint}/upload/storage/v1/b/b/o`
  const multipart = (body: string, query = 'name=x', type = 'multipart/related; boundary=B') =>
    fetch(`${uploads()}?uploadType=multipart&${query}`, { method: 'POST', headers: { 'content-type': type }, body })
  const parts = (metadata: object, bytes: string, end = '\r\n--B--') =>
    `--B\r\nContent-Type: application/json\r\n\r\n${JSON.stringify(metadata)}\r\n--B\r\nContent-Type: text/plain\r\n\r\n${bytes}${end}`
  const put = (at: string, range: string, body?: Buffer, headers: Record<string, string> = {}) =>
    fetch(at, {
      method: 'PUT',
      headers: { 'content-range': range, ...headers },
      body: body ?? null,
      redirect: 'manual',
    })
  const begin = async (query = 'name=x', metadata: object = {}) => {
    const answer = await fetch(`${uploads()}?uploadType=resumable&${query}`, {
      method: 'POST',
      body: JSON.stringify(metadata),
    })
    expect(answer.status).toBe(200)
    return answer.headers.get('location') ?? ''
  }
  const reason = async (answer: Response) => [answer.status, ((await answer.json()) as Refusal).error.errors[0]?.reason]

  it('bodies that end before their boundary, lie about a digest, or have no sense', async () => {
    expect((await multipart(parts({}, 'bytes'))).status).toBe(200)
    expect(await reason(await multipart(parts({}, 'bytes', ''), 'name=y'))).toEqual([400, 'invalid'])
    expect(await reason(await multipart(parts({ md5Hash: 'AAAAAAAAAAAAAAAAAAAAAA==' }, 'bytes'), 'name=y'))).toEqual([
      400,
      'invalid',
    ])
    expect(await reason(await multipart(parts({ crc32c: 'AAAAAA==' }, 'bytes'), 'name=y'))).toEqual([400, 'invalid'])
    expect(await reason(await multipart(parts({ storageClass: 'GLACIER' }, 'bytes'), 'name=y'))).toEqual([
      400,
      'invalid',
    ])
    expect(await reason(await multipart(parts({ name: 'z' }, 'bytes'), 'name=y'))).toEqual([400, 'invalidParameter'])
    expect(await reason(await multipart(parts({}, 'bytes'), ''))).toEqual([400, 'required'])
    expect(await reason(await multipart('bytes', 'name=y', 'text/plain'))).toEqual([400, 'invalid'])
    expect(server.names('b')).toEqual(['x'])
  })

  it('creates and removals whose precondition does not hold', async () => {
    expect((await multipart(parts({}, 'one'), 'name=x&ifGenerationMatch=0')).status).toBe(200)
    expect(await reason(await multipart(parts({}, 'two'), 'name=x&ifGenerationMatch=0'))).toEqual([
      412,
      'conditionNotMet',
    ])
    const at = `${server.endpoint}/storage/v1/b/b/o/x`
    expect((await fetch(`${at}?ifGenerationMatch=1`, { method: 'DELETE' })).status).toBe(412)
    const { generation } = (await (await fetch(at)).json()) as { generation: string }
    expect((await fetch(`${at}?ifGenerationMatch=${generation}`, { method: 'DELETE' })).status).toBe(204)
  })

  it('resumable uploads at a wrong offset, in odd units, or with another digest', async () => {
    const bytes = someBytes(2 * UNIT)
    const session = await begin()
    expect((await put(session, 'bytes */*')).headers.get('range')).toBeNull()
    const odd = await put(session, `bytes 0-${UNIT + 9}/*`, bytes.subarray(0, UNIT + 10))
    expect([odd.status, odd.headers.get('range')]).toEqual([308, `bytes=0-${UNIT - 1}`])
    const wrong = await put(session, `bytes 5-9/${bytes.length}`, bytes.subarray(5, 10))
    expect([wrong.status, wrong.headers.get('range')]).toEqual([308, `bytes=0-${UNIT - 1}`])
    expect(server.names('b')).toEqual([])
    const last = await put(session, `bytes ${UNIT}-${bytes.length - 1}/${bytes.length}`, bytes.subarray(UNIT), {
      'x-goog-hash': 'md5=AAAAAAAAAAAAAAAAAAAAAA==',
    })
    expect(await reason(last)).toEqual([400, 'invalid'])
    expect(server.names('b')).toEqual([])
  })

  it('resumable uploads whose precondition fails at their end, and sessions that are over', async () => {
    const session = await begin('name=x&ifGenerationMatch=0')
    await multipart(parts({}, 'first'))
    expect((await put(session, 'bytes 0-2/3', Buffer.from('two'))).status).toBe(412)
    const cancelled = await begin('name=y')
    expect((await fetch(cancelled, { method: 'DELETE' })).status).toBe(499)
    expect((await put(cancelled, 'bytes 0-2/3', Buffer.from('two'))).status).toBe(410)
    const done = await begin('name=z')
    expect((await put(done, 'bytes 0-2/3', Buffer.from('one'))).status).toBe(200)
    expect((await put(done, 'bytes */*')).status).toBe(200)
  })

  it('ranges past the end, and everything in a bucket that is not there', async () => {
    await multipart(parts({}, '0123456789'))
    const get = (range: string) => fetch(`${server.endpoint}/storage/v1/b/b/o/x?alt=media`, { headers: { range } })
    expect((await get('bytes=10-')).status).toBe(416)
    const tail = await get('bytes=-3')
    expect([tail.status, tail.headers.get('content-range'), await tail.text()]).toEqual([206, 'bytes 7-9/10', '789'])
    expect((await fetch(`${server.endpoint}/storage/v1/b/nowhere/o/x`)).status).toBe(404)
    expect((await fetch(`${server.endpoint}/storage/v1/b/nowhere/o`)).status).toBe(404)
  })

  it('requests without the token, where one is demanded', async () => {
    await using strict = await startGcsServer({ buckets: ['b'], token: 'secret' })
    const ask = (headers: Record<string, string>) => fetch(`${strict.endpoint}/storage/v1/b/b/o`, { headers })
    expect(await reason(await ask({}))).toEqual([401, 'required'])
    expect((await ask({ authorization: 'Bearer secret' })).status).toBe(200)
  })
})

describe('the test server for Google Cloud Storage lists', () => {
  it('in UTF-8 order, page by page, with folders counted like objects', async () => {
    const names = ['a/1', 'a/2', 'b', 'c/1', '～', '😀']
    const bucket = new Storage({ apiEndpoint: server.endpoint, projectId: 'x' }).bucket('b')
    for (const name of names.toReversed()) await bucket.file(name).save('x', { resumable: false })
    expect(server.names('b')).toEqual(names)
    expect(await pages({ maxResults: '2' })).toEqual([
      ['a/1', 'a/2'],
      ['b', 'c/1'],
      ['～', '😀'],
    ])
    expect(await pages({ maxResults: '2', delimiter: '/' })).toEqual([['b', 'a/'], ['～', 'c/'], ['😀']])
    expect(await pages({ prefix: 'a/' })).toEqual([['a/1', 'a/2']])
    expect(await pages({ startOffset: 'a/2', endOffset: 'c/1' })).toEqual([['a/2', 'b']])
  })

  async function pages(query: Record<string, string>): Promise<string[][]> {
    const found: string[][] = []
    for (let pageToken: string | undefined = ''; pageToken !== undefined; ) {
      const asked = new URLSearchParams({ ...query, ...(pageToken !== '' && { pageToken }) })
      const page = (await (await fetch(`${server.endpoint}/storage/v1/b/b/o?${asked}`)).json()) as Page
      found.push([...(page.items ?? []).map(({ name }) => name), ...(page.prefixes ?? [])])
      pageToken = page.nextPageToken
    }
    return found
  }
})
