import { Readable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { copiedRows } from './copied-rows.ts'

const STATEMENT = 'COPY public."odd\nname" (id, note) FROM stdin;\n'
const HEAD = `--\n-- PostgreSQL database dump\n--\n\\restrict abc\nSET client_encoding = 'UTF8';\n-- Data for Name: odd name\n\n${STATEMENT}`
const TAIL = '\\.\n\n\n--\n-- PostgreSQL database dump complete\n--\n\\unrestrict abc\n'
const MB = 1024 ** 2

function script(rows: string): string {
  return `${HEAD}${rows}${TAIL}`
}

async function blocksOf(text: string, step: number): Promise<string[]> {
  const bytes = Buffer.from(text)
  const pieces = Array.from({ length: Math.ceil(bytes.length / step) }, (_, no) =>
    bytes.subarray(no * step, (no + 1) * step),
  )
  const blocks: string[] = []
  for await (const block of copiedRows(Readable.from(pieces), STATEMENT)) blocks.push(Buffer.concat(block).toString())
  return blocks.filter((block) => block !== '')
}

describe('rows cut out of a script', () => {
  const rows = Array.from({ length: 5000 }, (_, no) => `${no}\t${'ü\\\\.x'.repeat(no % 80)}\n`).join('')

  test.each([7, 4096, 65_536, 8 * MB])('are all there and whole in every block, %i bytes at a time', async (step) => {
    const blocks = await blocksOf(script(rows), step)
    expect(blocks.join('')).toBe(rows)
    for (const block of blocks) expect(block.endsWith('\n')).toBe(true)
    expect(blocks.length).toBe(step > MB ? 1 : 2)
  })

  test('may be longer than a block each, with nothing but themselves in it', async () => {
    const long = [1, 2, 3].map((id) => `${id}\t${'x'.repeat(2 * MB)}\n`)
    expect(await blocksOf(script(long.join('')), 65_536)).toEqual(long)
  })

  test('may hold what looks like their end inside a value', async () => {
    const row = '1\t\\\\.\\n\\\\.\\n--\n'
    expect(await blocksOf(script(row), 4096)).toEqual([row])
  })

  test.each([
    ['short', ''],
    ['long', '1\tx\n'.repeat(MB)],
  ])('of a %s script without their end are none', async (_, more) => {
    const cut = `${HEAD}1\tx\n${more}`
    await expect(blocksOf(cut, 65_536)).rejects.toMatchObject({ code: 'ARTIFACT_UNREADABLE' })
  })

  test.each([
    ['short', ''],
    ['long', '1\tx\n'.repeat(MB)],
  ])('of a %s script about another table are none', async (_, more) => {
    const other = script(`1\tx\n${more}`).replaceAll('odd', 'other')
    await expect(blocksOf(other, 65_536)).rejects.toMatchObject({ code: 'ARTIFACT_UNREADABLE' })
  })
})
