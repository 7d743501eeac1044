import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { expect, test } from 'vitest'
import { checkPages } from './page-header.ts'

const OF = { systemIdentifier: '7000000000000000001', segmentBytes: 0x100_0000 }

function aPage({ address = 0x300_0000n, timeline = 2, system = OF.systemIdentifier, segment = OF.segmentBytes } = {}) {
  const page = Buffer.alloc(8192)
  page.writeUInt16LE(0xd110, 0)
  page.writeUInt16LE(2, 2)
  page.writeUInt32LE(timeline, 4)
  page.writeBigUInt64LE(address, 8)
  page.writeBigUInt64LE(BigInt(system), 24)
  page.writeUInt32LE(segment, 32)
  return page
}
function code(page: Buffer, start = 0x300_0000n): string {
  try {
    checkPages(page, start, 2, OF)
    return 'fine'
  } catch (thrown) {
    return LifeboatError.from(thrown).code
  }
}

test.each([
  ['the place, the cluster and the timeline are right', 'fine', aPage()],
  ['a page of the parent timeline may stand there', 'fine', aPage({ timeline: 1 })],
  ['another cluster', 'WAL_FOREIGN', aPage({ system: '7000000000000000002' })],
  ['another place', 'WAL_DAMAGED', aPage({ address: 0x400_0000n })],
  ['a timeline that begins later', 'WAL_DAMAGED', aPage({ timeline: 3 })],
  ['another segment size', 'WAL_DAMAGED', aPage({ segment: 0x400_0000 })],
  ['zeros behind the last record', 'fine', Buffer.alloc(8192)],
  ['too little to have a header', 'fine', Buffer.alloc(16)],
])('%s: %s', (_, expected, page) => expect(code(page)).toBe(expected))

test('a piece that begins inside a page is looked at from the next page on', () => {
  const wal = Buffer.concat([Buffer.alloc(192, 1), aPage({ address: 0x300_2000n })])
  expect(code(wal, 0x300_1f40n)).toBe('fine')
  expect(code(wal, 0x300_3f40n)).toBe('WAL_DAMAGED')
})
