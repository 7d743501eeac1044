import { Readable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { copiedRows } from './copied-rows.ts'

const STATEMENT = 'COPY public."odd\nname" (id, note) FROM stdin;\n'
/** What COPY writes behind the rows. */
const TAIL = '\\.\n\n\n'
const MB = 1024 ** 2

async function blocksOf(text: string, step: number): Promise<string[]> {
  const bytes = Buffer.from(text)
  const pieces = Array.from({ length: Math.ceil(bytes.length / step) }, (_, no) =>
    bytes.subarray(no * step, (no + 1) * step),
  )
  const blocks: string[] = []
  for await (const block of copiedRows(Readable.from(pieces), STATEMENT)) {
    blocks.push(block.rows.toString())
    block.release()
  }
  return blocks.filter((block) => block !== '')
}

describe('the rows of a table', () => {
  const rows = Array.from({ length: 5000 }, (_, no) => `${no}\t${'ü\\\\.x'.repeat(no % 80)}\n`).join('')

  test.each([7, 4096, 65_536, 8 * MB])('are all there and whole in every block, %i bytes at a time', async (step) => {
    const blocks = await blocksOf(rows + TAIL, step)
    expect(blocks.join('')).toBe(rows)
    for (const block of blocks) expect(block.endsWith('\n')).toBe(true)
    expect(blocks.length).toBe(step > MB ? 1 : 2)
  })

  test('may be longer than a block each, with nothing but themselves in it', async () => {
    const long = [1, 2, 3].map((id) => `${id}\t${'x'.repeat(2 * MB)}\n`)
    expect(await blocksOf(long.join('') + TAIL, 65_536)).toEqual(long)
  })

  test('stay as they are until their block is released, in whatever order that happens', async () => {
    const expected = Array.from({ length: 400_000 }, (_, no) => `${no}\tof several blocks\n`).join('')
    const pieces = expected.match(/[\s\S]{1,65536}/g)?.map((piece) => Buffer.from(piece)) ?? []
    const out: { rows: Buffer; seen: string; release: () => void }[] = []
    let whole = ''
    for await (const { rows, release } of copiedRows(Readable.from([...pieces, Buffer.from(TAIL)]), STATEMENT)) {
      whole += rows
      out.push({ rows, seen: `${rows}`, release })
      const [done] = out.length > 3 ? out.splice(out.length % 2, 1) : []
      expect(`${done?.rows ?? ''}`).toBe(done?.seen ?? '')
      done?.release()
    }
    expect(out.map(({ rows }) => `${rows}`)).toEqual(out.map(({ seen }) => seen))
    expect(whole).toBe(expected)
  })

  test('may hold what looks like their end inside a value', async () => {
    const row = '1\t\\\\.\\n\\\\.\\n--\n'
    expect(await blocksOf(row + TAIL, 4096)).toEqual([row])
  })

  test.each([
    ['few', ''],
    ['many', '1\tx\n'.repeat(MB)],
  ])('are none without their end, though they are %s', async (_, more) => {
    const cut = `1\tx\n${more}`
    await expect(blocksOf(cut, 65_536)).rejects.toMatchObject({ code: 'ARTIFACT_UNREADABLE' })
  })
})
