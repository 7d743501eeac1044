import { expect, test } from 'vitest'
import type { FileWriter } from './file-writer.ts'
import { type Held, HollowFile, heldIn } from './hollow.ts'

const PAGE = 8192
const files = new Map<string, Held>([
  ['1663/5/16384', 'heap'],
  ['16500/5/16390', 'index'],
])
const held = (name: string, tablespace = '1663') => heldIn(name, tablespace, { files, heads: false })

test('a file is known by its tablespace, its database and its number, with all its segments', () => {
  expect([held('base/5/16384'), held('base/5/16384.1'), held('base/5/16384.12')]).toEqual(['heap', 'heap', 'heap'])
  expect([held('PG_15_202209061/5/16390', '16500'), held('PG_15_202209061/5/16390.3', '16500')]).toEqual([
    'index',
    'index',
  ])
})

test.each([
  ...['base/5/163841', 'base/5/1638', 'base/6/16384', 'global/16384', 'base/5/16384_vm', 'base/5/16384_fsm'],
  ...[
    'base/5/16384_init',
    'base/5/t3_16384',
    'base/5/INCREMENTAL.16384',
    'pg_wal/16384',
    'base/5/PG_VERSION',
    'base/5/pg_filenode.map',
  ],
])('%s is none of them', (name) => {
  expect(held(name)).toBeUndefined()
  expect(held(name, '16500')).toBeUndefined()
})

/** Pages whose heads say what they are. */
function pageWith({ flags = 0, upper = 8000 }): Buffer {
  const page = Buffer.alloc(PAGE, 7)
  page.writeUInt16LE(flags, 10)
  page.writeUInt16LE(upper, 14)
  return page
}

function hollowed(
  contents: Buffer,
  chunkBytes: number,
  heads: boolean,
): { bytes: number; written: Map<number, Buffer> } {
  const written = new Map<number, Buffer>()
  let [at, bytes] = [0, 0]
  const writer = {
    seek: (position: number) => {
      at = position
    },
    write: (chunk: Buffer) => void written.set(at, Buffer.from(chunk)),
    truncate: (length: number) => {
      bytes = length
    },
    close() {},
  }
  const file = new HollowFile(writer as unknown as FileWriter, { bytes: contents.length }, { heads })
  for (let from = 0; from < contents.length; from += chunkBytes) file.write(contents.subarray(from, from + chunkBytes))
  file.close()
  return { bytes, written }
}

test.each([1, 7, 24, 512, 8191, 8192, 30_000])(
  'in chunks of %i bytes, of a heap stay the heads of the pages a vacuum has still to mark',
  (chunkBytes) => {
    const pages = [pageWith({}), pageWith({ flags: 4 }), pageWith({ upper: 0 }), pageWith({ flags: 3 })]
    const { bytes, written } = hollowed(Buffer.concat(pages), chunkBytes, true)
    expect(bytes).toBe(4 * PAGE)
    expect([...written]).toEqual([
      [0, pages[0]?.subarray(0, 24)],
      [3 * PAGE, pages[3]?.subarray(0, 24)],
    ])
  },
)

test('without heads nothing is left of a file but its length', () => {
  expect(hollowed(pageWith({}), 512, false)).toEqual({ bytes: PAGE, written: new Map() })
})
