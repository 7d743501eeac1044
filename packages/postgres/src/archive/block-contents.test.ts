import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { BlockReader } from './block-contents.ts'

const INT = 4
const DATA = 1

/** A block of one table, as pg_dump writes it. */
function blockOf(chunks: readonly Uint8Array[], type = DATA): Buffer {
  const parts = chunks.flatMap((chunk) => [number(chunk.length), chunk])
  return Buffer.concat([Buffer.from([type]), number(4711), ...parts, number(0)])
}

function number(value: number): Buffer {
  const bytes = Buffer.alloc(1 + INT)
  bytes.writeUIntLE(value, 1, INT)
  return bytes
}

/** What comes out of it, each piece overwritten once that was taken. */
function read(bytes: Buffer, step: number): { contents: Buffer; ended: boolean } {
  const block = new BlockReader(INT, 'COPY t')
  const contents: Buffer[] = []
  for (let at = 0; at < bytes.length; at += step) {
    const piece = Buffer.from(bytes.subarray(at, at + step))
    contents.push(Buffer.from(block.add(piece)))
    piece.fill(0xff)
  }
  return { contents: Buffer.concat(contents), ended: block.ended }
}

describe('the block of a table', () => {
  const chunks = fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { maxLength: 20 })

  test('holds its chunks one behind the other, wherever it is cut and whatever comes behind it', () => {
    fc.assert(
      fc.property(chunks, fc.integer({ min: 1, max: 700 }), fc.uint8Array(), (rows, step, behind) => {
        const { contents, ended } = read(Buffer.concat([blockOf(rows), behind]), step)
        expect([contents, ended]).toEqual([Buffer.concat(rows), true])
      }),
    )
  })

  test('has not ended before its last byte', () => {
    const whole = blockOf([Buffer.from('1\tx\n'), Buffer.from('\\.\n\n\n')])
    for (let end = 0; end < whole.length; end++) expect(read(whole.subarray(0, end), 3).ended, `${end}`).toBe(false)
    expect(read(whole, 3).ended).toBe(true)
  })

  test('of large objects holds no rows', () => {
    const unreadable = expect.objectContaining({ code: 'ARTIFACT_UNREADABLE' })
    expect(() => read(blockOf([Buffer.from('x')], 3), 100)).toThrow(unreadable)
  })
})
