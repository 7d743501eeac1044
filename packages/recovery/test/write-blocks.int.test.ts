import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { writeBlocks } from '@lifeboat/recovery/fetch/write-blocks.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-blocks-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** Chunks of these sizes, each with its memory for itself. */
function chunksOf(sizes: readonly number[]): Buffer[] {
  return sizes.map((bytes) => {
    const chunk = Buffer.allocUnsafeSlow(bytes)
    randomBytes(bytes).copy(chunk)
    return chunk
  })
}

async function* given(chunks: readonly Buffer[], atEnd: () => void = () => {}): AsyncGenerator<Buffer> {
  try {
    yield* chunks
  } finally {
    atEnd()
  }
}

test.each([
  ['nothing', []],
  ['less than a block', [1, 70_000]],
  ['exactly some blocks', [1024 ** 2, 2 * 1024 ** 2]],
  ['pieces over the edges of many blocks', [1_000_000, 3_333_333, 5, 65_536, 900_001, 2_097_151]],
])('what comes is in the file, in order: %s', async (_, sizes) => {
  const chunks = chunksOf(sizes)
  const expected = Buffer.concat(chunks)
  const file = join(folder, 'part')
  await writeBlocks(given(chunks), file)
  expect((await readFile(file)).equals(expected)).toBe(true)
  expect((await stat(file)).mode & 0o777).toBe(0o600)
})

test('the memory of what was copied is given back', async () => {
  const chunks = chunksOf([100_000, 100_000])
  await writeBlocks(given(chunks), join(folder, 'part'))
  expect(chunks.map(({ length }) => length)).toEqual([0, 0])
})

test('a full disk is told with its code, and nobody is asked for more', async () => {
  let closed = false
  const chunks = given(chunksOf(Array(20).fill(500_000)), () => {
    closed = true
  })
  await expect(writeBlocks(chunks, '/dev/full')).rejects.toMatchObject({ code: 'ENOSPC' })
  expect(closed).toBe(true)
})

test('what breaks the download is told, not what was written of it', async () => {
  const breaking = (async function* () {
    yield* chunksOf([3_000_000])
    throw new Error('cut')
  })()
  await expect(writeBlocks(breaking, join(folder, 'part'))).rejects.toThrow('cut')
})
