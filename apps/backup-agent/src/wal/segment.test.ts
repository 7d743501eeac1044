import { type Seam, segmentAt, segmentRange } from '@lifeboat/shared/domain/wal.ts'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Cut, Segments } from './segment.ts'
import { SegmentMemory } from './segment-memory.ts'

/** PostgreSQL's smallest is 1 MiB; nothing here depends on it. */
const SEGMENT = 64

/** Feeds `sizes` one after the other, cuts a piece after each that is marked. */
function run(log: Buffer, steps: readonly { size: number; cut: boolean }[], from = 0n) {
  const segments = new Segments({ timeline: 1, segmentBytes: SEGMENT, at: 0n, from, memory: new SegmentMemory() })
  const cuts: (Omit<Cut, 'release' | 'bytes'> & { bytes: Buffer })[] = []
  const keep = ({ release, bytes, ...rest }: Cut) => {
    cuts.push({ ...rest, bytes: Buffer.from(bytes) })
    release()
  }
  for (const { size, cut } of steps) {
    const start = Number(segments.received)
    for (const whole of segments.take({ start: BigInt(start), data: log.subarray(start, start + size) })) keep(whole)
    const piece = cut ? segments.piece() : undefined
    if (piece) keep(piece)
  }
  return { cuts, received: Number(segments.received) }
}

const aLog = fc.uint8Array({ minLength: 1, maxLength: 1000 }).map((bytes) => Buffer.from(bytes))
const someSteps = fc.array(fc.record({ size: fc.nat(150), cut: fc.boolean() }), { maxLength: 40 })

test('however the log arrives, every cut holds exactly its own bytes', () => {
  fc.assert(
    fc.property(aLog, someSteps, (log, steps) => {
      for (const { start, end, bytes, segment, kind } of run(log, steps).cuts) {
        expect(bytes.equals(log.subarray(Number(start), Number(end)))).toBe(true)
        expect(segment).toBe(segmentAt(1, start, SEGMENT))
        const whole = segmentRange(segment, SEGMENT)
        expect(start >= whole.start && end <= whole.end).toBe(true)
        if (kind === 'segment') expect([start, end]).toEqual([whole.start, whole.end])
      }
    }),
  )
})

test('a segment that is received again has to begin as it did, and nothing is cut of it before that is known', () => {
  const memory = new SegmentMemory()
  const opts = { timeline: 1, segmentBytes: SEGMENT, at: 64n, from: 64n, memory }
  const seen: Seam[] = []
  const bytes = Buffer.alloc(200, 7)
  const first = new Segments({ ...opts, onSeam: (seam) => seen.push(seam) })
  for (const size of [20, 40]) {
    const start = first.received
    expect([...first.take({ start, data: bytes.subarray(0, size - Number(start - 64n)) })]).toEqual([])
    first.piece()?.release()
  }
  const [, seam] = seen
  expect(seam).toMatchObject({ timeline: 1, lsn: '0/68' })
  const again = new Segments({ ...opts, seam })
  expect([...again.take({ start: 64n, data: bytes.subarray(0, 39) })]).toEqual([])
  expect(again.piece()).toBeUndefined()
  expect([...again.take({ start: 103n, data: bytes.subarray(0, 60) })]).toHaveLength(1)
  expect(again.piece()).toMatchObject({ start: 128n, end: 163n })
  const other = new Segments({ ...opts, seam })
  const data = Buffer.from(bytes)
  data[39] = 8
  expect(() => [...other.take({ start: 64n, data })]).toThrow(expect.objectContaining({ code: 'WAL_REWRITTEN' }))
  // What comes behind the place may be new.
  data[39] = 7
  data[40] = 8
  expect([...new Segments({ ...opts, seam }).take({ start: 64n, data })]).toHaveLength(3)
})

test('whole segments and pieces leave no hole up to the last cut, and pieces of a segment follow each other', () => {
  fc.assert(
    fc.property(aLog, someSteps, (log, steps) => {
      const { cuts, received } = run(log, [...steps, { size: 0, cut: true }])
      const wholes = cuts.filter(({ kind }) => kind === 'segment')
      expect(wholes).toHaveLength(Math.floor(received / SEGMENT))
      let end = 0n
      for (const piece of cuts.filter(({ kind }) => kind === 'piece')) {
        expect(piece.start === end || piece.start % BigInt(SEGMENT) === 0n).toBe(true)
        end = piece.end
      }
      if (received % SEGMENT > 0) expect(Number(end)).toBe(received)
    }),
  )
})

test('nothing new makes no piece', () => {
  const { cuts } = run(Buffer.alloc(100), [
    { size: 10, cut: true },
    { size: 0, cut: true },
    { size: 0, cut: true },
  ])
  expect(cuts.map(({ kind, start, end }) => [kind, start, end])).toEqual([['piece', 0n, 10n]])
})

test('after a restart pieces go on where every target stands, and the segment is whole all the same', () => {
  const log = Buffer.from(Array.from({ length: 70 }, (_, at) => at))
  const { cuts } = run(
    log,
    [
      { size: 40, cut: true },
      { size: 30, cut: false },
    ],
    30n,
  )
  expect(cuts.map(({ kind, start, end }) => [kind, start, end])).toEqual([
    ['piece', 30n, 40n],
    ['segment', 0n, 64n],
  ])
})

test('a finished segment is not written over while it is shipped', () => {
  const segments = new Segments({ timeline: 1, segmentBytes: SEGMENT, at: 0n, from: 0n, memory: new SegmentMemory() })
  const [first] = [...segments.take({ start: 0n, data: Buffer.alloc(SEGMENT, 1) })]
  const [second] = [...segments.take({ start: 64n, data: Buffer.alloc(SEGMENT, 2) })]
  expect([first?.bytes.every((byte) => byte === 1), second?.bytes.every((byte) => byte === 2)]).toEqual([true, true])
  first?.release()
  first?.release()
  const third = [...segments.take({ start: 128n, data: Buffer.alloc(SEGMENT, 3) })]
  expect(second?.bytes.every((byte) => byte === 2)).toBe(true)
  expect(third[0]?.bytes.every((byte) => byte === 3)).toBe(true)
})

test('a hole in the stream is an error, not a segment with a hole', () => {
  const segments = new Segments({ timeline: 1, segmentBytes: SEGMENT, at: 0n, from: 0n, memory: new SegmentMemory() })
  expect(() => [...segments.take({ start: 1n, data: Buffer.alloc(1) })]).toThrow(/SOURCE_PROTOCOL_BROKEN/)
})

test('a piece and a segment keep their bytes until they are released, whatever is written meanwhile', () => {
  const segments = new Segments({ timeline: 1, segmentBytes: SEGMENT, at: 0n, from: 0n, memory: new SegmentMemory() })
  const arrive = (no: number, bytes: number) => [
    ...segments.take({ start: segments.received, data: Buffer.alloc(bytes, no) }),
  ]
  arrive(1, 40)
  const piece = segments.piece() as Cut
  const [first] = arrive(1, 24) as [Cut]
  first.release()
  first.release()
  const [second] = arrive(2, SEGMENT) as [Cut]
  const [third] = arrive(3, SEGMENT) as [Cut]
  expect([...new Set(piece.bytes)]).toEqual([1])
  piece.release()
  const [fourth] = arrive(4, SEGMENT) as [Cut]
  expect(fourth.bytes.buffer).toBe(first.bytes.buffer)
  expect([second, third, fourth].map(({ bytes }) => [...new Set(bytes)])).toEqual([[2], [3], [4]])
})
