import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { serverAccount } from '@lifeboat/postgres/scratch/owner.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { FilePlacement } from './place-files.ts'
import { WORTH_BYTES } from './save-ahead.ts'

const PAGE = 8192
let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-place-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

/** A page filled with one byte. */
const page = (byte: number) => Buffer.alloc(PAGE, byte)
const pages = (...bytes: number[]) => Buffer.concat(bytes.map(page))

/** As the server writes one: page number → its byte. */
function incremental(keptPages: number, changed: Readonly<Record<number, number>>, magic = 0xd3ae1f0d): Buffer {
  const numbers = Object.keys(changed).map(Number)
  const listed = Buffer.alloc(12 + 4 * numbers.length)
  for (const [at, value] of [magic, numbers.length, keptPages, ...numbers].entries())
    listed.writeUInt32LE(value, at * 4)
  const padding = numbers.length === 0 ? 0 : (PAGE - (listed.length % PAGE)) % PAGE
  return Buffer.concat([listed, Buffer.alloc(padding), pages(...Object.values(changed))])
}

interface Given {
  name?: string
  cutAt?: readonly number[]
  over?: boolean
  followed?: boolean
  claimedBytes?: number
}

async function place(contents: Buffer, given: Given = {}) {
  const { name = 'INCREMENTAL.1', cutAt = [], over = true, followed = false, claimedBytes } = given
  using placement = new FilePlacement({ folder, account: serverAccount(), over, followed })
  const bytes = claimedBytes ?? contents.length
  const sink = placement.file({ name, bytes, mode: 0o600, kind: 'file', leadsTo: '' })
  const edges = [0, ...[...cutAt].sort((a, b) => a - b).filter((at) => at < contents.length), contents.length]
  for (const [index, edge] of edges.slice(1).entries()) {
    // What was given may be gone when the next is asked for.
    const chunk = Buffer.from(contents.subarray(edges[index], edge))
    sink.write(chunk)
    chunk.fill(0xee)
  }
  sink.close()
  return [...placement.names]
}

const before = (bytes: Buffer) => writeFile(join(folder, '1'), bytes)
const after = () => readFile(join(folder, '1'))
const failure = (work: Promise<unknown>) => work.then(() => undefined, LifeboatError.from)

test('changed pages go over the file, wherever the stream is cut', async () => {
  const cuts = fc.array(fc.integer({ min: 1, max: 4 * PAGE }), { maxLength: 6 })
  await fc.assert(
    fc.asyncProperty(cuts, async (cutAt) => {
      await before(pages(1, 2, 3, 4, 5))
      expect(await place(incremental(5, { 1: 22, 2: 33, 4: 55 }), { cutAt })).toEqual(['1'])
      expect((await after()).equals(pages(1, 22, 33, 4, 55))).toBe(true)
    }),
    { numRuns: 20 },
  )
})

test('what was cut off once does not shine through where the file grew again', async () => {
  await before(pages(1, 2, 3, 4, 5))
  await place(incremental(2, { 4: 55 }))
  expect((await after()).equals(pages(1, 2, 0, 0, 55))).toBe(true)
})

test('a file without changed pages gets its length all the same', async () => {
  await before(pages(1, 2, 3, 4, 5))
  await place(incremental(3, {}))
  expect((await after()).equals(pages(1, 2, 3))).toBe(true)
  await place(incremental(4, {}))
  expect((await after()).equals(pages(1, 2, 3, 0))).toBe(true)
})

test('a whole file replaces the one that is there, longer or shorter', async () => {
  await before(pages(1, 2, 3))
  await place(pages(9), { name: '1' })
  expect((await after()).equals(pages(9))).toBe(true)
})

test('into a new folder nothing is written twice, and a name that looks incremental is only a name', async () => {
  await place(pages(7), { over: false })
  expect((await readFile(join(folder, 'INCREMENTAL.1'))).equals(pages(7))).toBe(true)
  expect((await failure(place(pages(8), { over: false })))?.facts.message).toContain('EEXIST')
})

test('WAL comes out of the newest backup of a chain alone', async () => {
  const segment = 'pg_wal/000000010000000000000007'
  expect(await place(pages(7), { name: segment, over: false, followed: true })).toEqual([])
  expect(await place(pages(8), { name: 'pg_wal_is_not_this', over: false, followed: true })).toHaveLength(1)
  expect(await readdir(folder)).toEqual(['pg_wal_is_not_this'])
  expect(await place(pages(9), { name: segment })).toEqual([segment])
  expect((await readFile(join(folder, segment))).equals(pages(9))).toBe(true)
})

test('a large file comes whole', async () => {
  const large = Buffer.alloc(20 * 1024 ** 2 + 77, 'a pattern of a prime length of 37 bytes')
  await place(large, { name: '1', over: false, cutAt: [5, 1_000_000, 1_048_576, 18_000_000] })
  expect((await after()).equals(large)).toBe(true)
})

test.each([
  ['another magic number', incremental(5, { 1: 2 }, 0x12345678), {}],
  ['a length that is not that of its pages', incremental(5, { 1: 2 }), { claimedBytes: 3 * PAGE }],
  ['a page beyond any file', incremental(5, { 131072: 2 }), {}],
  ['an end inside the header', incremental(5, {}).subarray(0, 8), {}],
])('%s is refused', async (_, contents, given) => {
  await before(pages(1, 2, 3, 4, 5))
  expect(await failure(place(contents, given))).toMatchObject({ code: 'RECOVERY_COMBINE_FAILED' })
})

test('a file no earlier backup has is refused', async () => {
  expect(await failure(place(incremental(5, { 1: 2 })))).toMatchObject({
    code: 'RECOVERY_COMBINE_FAILED',
    facts: { file: 'INCREMENTAL.1' },
  })
})

test('a cluster that must survive a crash is sent to the disk as it is written, and what the disk says of it counts', async () => {
  const settle = async (saved: boolean) => {
    using placement = new FilePlacement({ folder, account: serverAccount(), over: false, saved })
    const member = { name: `saved ${saved}`, bytes: 2 * WORTH_BYTES, mode: 0o600, kind: 'file', leadsTo: '' } as const
    const sink = placement.file(member)
    sink.write(Buffer.alloc(WORTH_BYTES - 1))
    // Nobody can save what has lost its name.
    await rm(join(folder, member.name))
    sink.write(Buffer.alloc(1))
    sink.close()
    await placement.settled()
  }
  await expect(settle(true)).rejects.toThrow('ENOENT')
  await settle(false)
})
