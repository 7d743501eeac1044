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
