import { parseHistory, pathTo } from '@lifeboat/shared/domain/timelines.ts'
import { formatLsn, segmentAt, type Timeline, type WalObject } from '@lifeboat/shared/domain/wal.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ListedWal } from '../plan/coverage.ts'
import { findWal, nameAt, ownWal, type WalSupply } from './find-wal.ts'

const SEGMENT = 0x100_0000
const HALF = SEGMENT / 2

function listed(object: WalObject, key = JSON.stringify(object)): ListedWal {
  return { key, object, bytes: 1 }
}
const segmentOf = (no: number, timeline: Timeline = 1) => segmentAt(timeline, BigInt(no) * BigInt(SEGMENT), SEGMENT)
const whole = (no: number, timeline: Timeline = 1, digest = 'd') =>
  listed({ kind: 'segment', segment: segmentOf(no, timeline), digest })
const piece = (no: number, from: number, to: number, timeline: Timeline = 1) =>
  listed({ kind: 'piece', segment: segmentOf(no, timeline), from, to, digest: 'd' })

/** The backup holds segment 2 itself. */
function supply(all: ListedWal[], more: Partial<WalSupply> = {}): WalSupply {
  const own = ownWal({ startLsn: '0/2000028', endLsn: '0/2000138', segmentBytes: SEGMENT, fromStandby: false })
  return { listed: all, path: pathTo(1), segmentBytes: SEGMENT, own, ...more }
}
function answer(name: string, of: WalSupply): string {
  try {
    const found = findWal(name, of)
    return found.kind === 'segment' ? found.parts.map(({ at, until }) => `${at}-${until}`).join(' ') : found.kind
  } catch (thrown) {
    return LifeboatError.from(thrown).code
  }
}

describe('what the archive has under a name', () => {
  const promoted = { path: pathTo(2, parseHistory(2, '1\t0/4800000\tpromoted')) }
  const cases: [string, string, string, WalSupply][] = [
    ['a whole segment', segmentOf(3), `0-${SEGMENT}`, supply([whole(3), whole(4)])],
    [
      'a whole segment beside its pieces',
      segmentOf(3),
      `0-${SEGMENT}`,
      supply([piece(3, 0, HALF), whole(3), whole(4)]),
    ],
    [
      'a segment in pieces that overlap',
      segmentOf(3),
      `0-${HALF} ${HALF}-${SEGMENT}`,
      supply([piece(3, 0, HALF), piece(3, 100, SEGMENT), whole(4)]),
    ],
    ['the unfinished last one', segmentOf(3), `0-${HALF}`, supply([piece(3, 0, HALF)])],
    ['nothing, behind the end', segmentOf(4), 'none', supply([whole(3)])],
    ['nothing, where the backup has it', segmentOf(2), 'none', supply([whole(3)])],
    ['half of what the backup has whole', segmentOf(2), 'none', supply([piece(2, HALF, SEGMENT), whole(3)])],
    ['a hole', segmentOf(3), 'WAL_MISSING', supply([whole(4)])],
    ['a hole between pieces', segmentOf(3), 'WAL_MISSING', supply([piece(3, 0, 10), piece(3, 20, 30)])],
    ['a segment without its head', segmentOf(3), 'WAL_MISSING', supply([piece(3, 10, HALF)])],
    ['an unfinished one that later ones follow', segmentOf(3), 'WAL_MISSING', supply([piece(3, 0, HALF), whole(4)])],
    ['two contents for one place', segmentOf(3), 'WAL_AMBIGUOUS', supply([whole(3, 1, 'a'), whole(3, 1, 'b')])],
    [
      'a segment only a left branch goes on from',
      segmentOf(5, 2),
      'none',
      supply([whole(4, 2), whole(5), whole(6)], promoted),
    ],
    [
      'the first of a timeline, shipped from the switch on',
      segmentOf(4, 2),
      `0-${HALF} ${HALF}-${SEGMENT}`,
      supply([piece(4, 0, HALF), piece(4, HALF, SEGMENT, 2)], promoted),
    ],
    [
      'the same, the parent cut short',
      segmentOf(4, 2),
      'WAL_MISSING',
      supply([piece(4, 0, 100), piece(4, HALF, SEGMENT, 2)], promoted),
    ],
    [
      'the parent of a timeline that goes on',
      segmentOf(4),
      'WAL_MISSING',
      supply([piece(4, 0, HALF), whole(5, 2)], promoted),
    ],
    ['a history', '00000002.history', 'history', supply([listed({ kind: 'history', timeline: 2, digest: 'd' })])],
    ['no history', '00000003.history', 'none', supply([listed({ kind: 'history', timeline: 2, digest: 'd' })])],
    ['a name that is none', '000000010000000000000003.00000028.backup', 'none', supply([whole(4)])],
  ]
  test.each(cases)('%s', (_, name, expected, of) => expect(answer(name, of)).toBe(expected))
})

test('the next name is that of the newest timeline that has it', () => {
  const path = pathTo(2, parseHistory(2, '1\t0/4800000\tpromoted'))
  const of = supply([whole(3), piece(4, 0, HALF), whole(4, 2), whole(5, 2), whole(5)], { path })
  const names = [3, 4, 5, 6].map((no) => nameAt(BigInt(no) * BigInt(SEGMENT), of))
  expect(names).toEqual([segmentOf(3), segmentOf(4, 2), segmentOf(5, 2), undefined])
})

test('of a standby only whole segments before the end of the backup are its own', () => {
  const facts = { startLsn: '0/2000028', endLsn: '0/3000138', segmentBytes: SEGMENT }
  expect(formatLsn(ownWal({ ...facts, fromStandby: true }).end)).toBe('0/3000000')
  expect(formatLsn(ownWal({ ...facts, fromStandby: false }).end)).toBe('0/4000000')
})

test('whatever is missing, the archive is never said to end where later WAL of the way is there', () => {
  const present = fc.array(fc.constantFrom('whole', 'head', 'tail', 'nothing'), { minLength: 1, maxLength: 6 })
  fc.assert(
    fc.property(present, fc.integer({ min: 0, max: 6 }), (there, asked) => {
      const all = there.flatMap((what, index) => {
        const no = 3 + index
        if (what === 'nothing') return []
        return [what === 'whole' ? whole(no) : what === 'head' ? piece(no, 0, HALF) : piece(no, HALF, SEGMENT)]
      })
      const said = answer(segmentOf(3 + asked), supply(all))
      const later = there.slice(asked + 1).some((what) => what !== 'nothing') || there[asked] === 'tail'
      if (said === 'none') expect(later).toBe(false)
      if (said === `0-${HALF}`) expect(later).toBe(false)
      if (said === 'WAL_MISSING') expect(later).toBe(true)
    }),
  )
})
