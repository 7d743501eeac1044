import type { FileHandle } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { gatheredFile } from './gathered-file.ts'

/** A file that takes `most` bytes of what a writev gives it, and says `full` once it has `room` bytes. */
function fake({ most = Number.POSITIVE_INFINITY, room = Number.POSITIVE_INFINITY } = {}) {
  let bytes = Buffer.alloc(0)
  let steps = 0
  const take = async (given: Buffer) => {
    steps++
    if (bytes.byteLength + given.byteLength > room) throw Object.assign(new Error('full'), { code: 'ENOSPC' })
    bytes = Buffer.concat([bytes, given])
  }
  const handle = {
    async writev(pieces: Uint8Array[]) {
      const given = Buffer.concat(pieces).subarray(0, most)
      await take(given)
      return { bytesWritten: given.byteLength, buffers: pieces }
    },
    writeFile: (rest: Buffer) => take(rest),
  } as unknown as FileHandle
  return { handle, written: () => bytes, steps: () => steps }
}

const piece = (no: number, bytes = 64 * 1024) => Buffer.alloc(bytes, no)

test('many pieces are written in few steps, in their order', async () => {
  const { handle, written, steps } = fake()
  const file = gatheredFile(handle)
  const pieces = Array.from({ length: 100 }, (_, no) => piece(no))
  for (const each of pieces) await file.write(each)
  await file.flush()
  expect(written().equals(Buffer.concat(pieces))).toBe(true)
  expect(steps()).toBe(13)
})

test('what the system left of a step is written after it', async () => {
  const { handle, written } = fake({ most: 70_000 })
  const file = gatheredFile(handle)
  const pieces = Array.from({ length: 20 }, (_, no) => piece(no))
  for (const each of pieces) await file.write(each)
  await file.flush()
  expect(written().equals(Buffer.concat(pieces))).toBe(true)
})

test('a full disk is told by the next call, and nothing is written after the gap', async () => {
  const { handle, written } = fake({ room: 1_000_000 })
  const file = gatheredFile(handle)
  const all = async () => {
    for (let no = 0; no < 40; no++) await file.write(piece(no))
  }
  await expect(all()).rejects.toMatchObject({ code: 'SPOOL_DISK_FULL' })
  await expect(file.flush()).rejects.toMatchObject({ code: 'SPOOL_DISK_FULL' })
  expect(written().byteLength).toBe(512 * 1024)
})

test('a piece is handed back when it is written, and not before', async () => {
  const { handle, written } = fake({ most: 70_000 })
  const back: Uint8Array[] = []
  const file = gatheredFile(handle, (each) => {
    back.push(each)
    expect(written().byteLength).toBeGreaterThanOrEqual(back.length * each.byteLength)
  })
  const pieces = Array.from({ length: 20 }, (_, no) => piece(no))
  for (const each of pieces) await file.write(each)
  await file.flush()
  expect(back).toEqual(pieces)
})

test('a piece that the disk had no room for is not handed back', async () => {
  const { handle } = fake({ room: 0 })
  const back: Uint8Array[] = []
  const file = gatheredFile(handle, (each) => back.push(each))
  await file.write(piece(1))
  await expect(file.flush()).rejects.toMatchObject({ code: 'SPOOL_DISK_FULL' })
  expect(back).toEqual([])
})
