import { expect, test } from 'vitest'
import { TextPieces } from './text-pieces.ts'

test('text comes out as it went in, whatever its characters, in pieces cut between two texts', () => {
  const pieces = new TextPieces()
  const texts = ['plain\n', 'ü – 🛟\n'.repeat(100_000), 'x'.repeat(1_000_000), 'ü'.repeat(3_000_000), 'end\n']
  const taken: Buffer[] = []
  for (const text of texts) {
    pieces.add(text)
    taken.push(...pieces.full())
  }
  taken.push(...pieces.rest())
  expect(taken.length).toBeGreaterThan(2)
  expect(Buffer.concat(taken).toString() === texts.join('')).toBe(true)
  for (const piece of taken) expect(piece.toString()).not.toContain('\ufffd')
})

test('memory that was given back is filled again, and only that', () => {
  const pieces = new TextPieces()
  const text = 'x'.repeat(300_000)
  for (let no = 0; no < 3; no++) pieces.add(text)
  const [first, second] = pieces.full() as [Buffer, Buffer]
  const kept = second.toString()
  pieces.giveBack(first)
  pieces.add('ä'.repeat(300_000))
  pieces.add('y'.repeat(300_000))
  const further = [...pieces.full(), ...pieces.rest()]
  expect(further.some(({ buffer }) => buffer === first.buffer)).toBe(true)
  expect(further.some(({ buffer }) => buffer === second.buffer)).toBe(false)
  expect(second.toString()).toBe(kept)
  expect(Buffer.concat(further).toString()).toMatch(/^x*ä{300000}y{300000}$/)
})
