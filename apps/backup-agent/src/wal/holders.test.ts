import type { TargetId } from '@lifeboat/shared/domain/ids.ts'
import { type Path, parseHistory, pathTo } from '@lifeboat/shared/domain/timelines.ts'
import { type Timeline, WalState } from '@lifeboat/shared/domain/wal.ts'
import { systemClock } from '@lifeboat/shared/time/clock.ts'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { holdersAs } from './begin.ts'
import { Holders } from './holders.ts'
import { Moments } from './moments.ts'
import type { Road } from './road.ts'
import { Seams } from './seams.ts'
import { stateOf } from './tell.ts'

const [north, south, west] = ['north', 'south', 'west'] as TargetId[] as [TargetId, TargetId, TargetId]
const ONE: Path = [{ timeline: 1, begin: 0n, end: undefined }]

const holders = (required: number, at = 0n, path = ONE, gates: { at: bigint; timeline: number }[] = []) =>
  new Holders({ targets: new Map([north, south, west].map((target) => [target, at])), required, path, gates })
const span = (start: number, end: number) => ({ start: BigInt(start), end: BigInt(end) })

test('safe is what as many targets as required hold without a hole, in whatever order they say so', () => {
  const aFact = fc.record({
    target: fc.constantFrom(north, south, west),
    start: fc.nat(60),
    size: fc.integer({ min: 1, max: 20 }),
  })
  fc.assert(
    fc.property(
      fc.array(aFact, { maxLength: 60 }),
      fc.integer({ min: 1, max: 3 }),
      fc.nat(10),
      (facts, required, at) => {
        const subject = holders(required, BigInt(at))
        const bits = new Map([north, south, west].map((target) => [target, new Set<number>()]))
        for (const { target, start, size } of facts) {
          subject.stored(target, 1, span(start, start + size))
          for (let byte = start; byte < start + size; byte += 1) bits.get(target)?.add(byte)
        }
        const ends = [north, south, west].map((target) => {
          let end = at
          while (bits.get(target)?.has(end)) end += 1
          expect(subject.position(target)).toBe(BigInt(end))
          return end
        })
        expect(subject.safe).toBe(BigInt(ends.sort((one, other) => other - one)[required - 1] ?? 0))
      },
    ),
  )
})

test('what is heard can only move safe forward', () => {
  const aFact = fc.record({ target: fc.constantFrom(north, south, west), start: fc.nat(60), size: fc.nat(20) })
  fc.assert(
    fc.property(fc.array(aFact, { maxLength: 60 }), (facts) => {
      const subject = holders(2)
      let before = 0n
      for (const { target, start, size } of facts) {
        subject.stored(target, 1, span(start, start + size))
        expect(subject.safe >= before).toBe(true)
        before = subject.safe
      }
    }),
  )
})

test('a hole nobody can fill any more holds nobody up, and a target behind it must still reach it', () => {
  const subject = holders(1)
  subject.stored(north, 1, span(0, 10))
  subject.pass(span(10, 50))
  expect([north, south].map((target) => subject.position(target))).toEqual([50n, 0n])
  subject.stored(south, 1, span(0, 12))
  expect(subject.position(south)).toBe(50n)
})

function everywhere(subject: Holders, timeline: Timeline, before: bigint): void {
  for (const target of subject.targets) subject.letGo(target, timeline, before)
}

/** South lacks what the others let go of. */
function withHole(subject: Holders): Holders {
  subject.stored(south, 1, span(0, 10))
  subject.stored(south, 1, span(40, 90))
  for (const target of [north, west]) subject.letGo(target, 1, 60n)
  return subject
}

test('what others let go of holds a target up still while the server has it, or one of them does', () => {
  const subject = withHole(holders(1))
  expect([subject.position(south), subject.holeAt(south)]).toEqual([10n, 10n])
  subject.letGo(south, 1, 39n)
  expect(subject.position(south)).toBe(10n)
  subject.letGo(south, 1, 45n)
  expect(subject.position(south)).toBe(90n)
})

test('a hole that all other targets let go of holds nobody up, for nobody can fill it: as far as enough held it, and the server needs it no more', () => {
  const subject = withHole(holders(1))
  subject.stored(south, 1, span(95, 120))
  subject.stored(north, 1, span(0, 39))
  expect([subject.position(south), subject.safe]).toEqual([10n, 39n])
  subject.stored(north, 1, span(39, 100))
  expect([subject.position(south), subject.holeAt(south)]).toEqual([90n, 90n])
})

/** North holds what the others lack. */
function behind(required: number): Holders {
  const subject = holders(required)
  subject.stored(north, 1, span(0, 100))
  for (const target of [south, west]) subject.stored(target, 1, span(0, 10))
  return subject
}

test('a hole that some let go of and the rest lack as well holds nobody up: what never lets go has it no more than they', () => {
  const subject = behind(1)
  subject.stored(south, 1, span(40, 90))
  subject.stored(west, 1, span(20, 30))
  expect([south, west].map((target) => subject.position(target))).toEqual([10n, 10n])
  subject.letGo(north, 1, 60n)
  // West has something of it yet, and can be given none.
  expect([south, west].map((target) => subject.position(target))).toEqual([10n, 30n])
  subject.stored(south, 1, span(20, 30))
  expect(subject.position(south)).toBe(90n)
  // What a target passed by it cannot give.
  subject.stored(west, 1, span(40, 95))
  expect([subject.position(west), subject.safe]).toEqual([95n, 100n])
})

/** As much of a road as its state is told from. */
function roadWith(subject: Holders): Road {
  const now = {
    ...{ standing: { holders: subject, systemIdentifier: '7', segmentBytes: 16, path: ONE }, moments: new Moments() },
    ...{
      beats: new Moments(),
      seams: new Seams(),
      serverLsn: 100n,
      receivedLsn: 100n,
      retainedBytes: 0,
      refusals: new Map(),
    },
  }
  const wal = { retained: { warn: 1, giveUp: 2 }, targets: subject.targets, copies: { required: 1 } }
  return { now, wal, slot: 's', sourceId: 'r', agentId: 'a', clock: systemClock, recipients: [] } as unknown as Road
}

test('an agent that begins again knows what a target passed, and lets others pass it as well', () => {
  const before = holders(1)
  before.stored(north, 1, span(0, 100))
  withHole(before)
  expect([before.position(south), before.passed(south)]).toEqual([90n, [span(10, 40)]])
  const road = roadWith(before)
  const known = stateOf(road) as WalState
  const targets = WalState.shape.targets.parse(known.targets)
  const forgotten = Object.fromEntries(
    Object.entries(targets).map(([target, { passed: _, ...told }]) => [target, told]),
  )
  const lives = [targets, forgotten].map((told) => {
    const subject = holdersAs({ ...known, targets: told }, road, ONE)
    subject.letGo(north, 1, 60n)
    subject.stored(west, 1, span(0, 10))
    subject.stored(west, 1, span(40, 95))
    return subject.position(west)
  })
  // One that knew of none would wait for what south seems to have.
  expect(lives).toEqual([95n, 10n])
})

test('holes from before where a target’s own WAL begins by now are of no use to anybody', () => {
  const subject = holders(1)
  subject.stored(north, 1, span(0, 100))
  subject.stored(south, 1, span(0, 10))
  subject.stored(south, 1, span(40, 90))
  for (const target of [north, west]) subject.letGo(target, 1, 60n)
  subject.letGo(south, 1, 39n)
  expect(subject.passed(south)).toEqual([span(10, 40)])
  subject.letGo(south, 1, 40n)
  expect(subject.passed(south)).toEqual([])
})

test('a hole that is not let go of whole stands, though all but one lack it', () => {
  const subject = behind(1)
  for (const target of [south, west]) subject.stored(target, 1, span(40, 90))
  subject.letGo(north, 1, 39n)
  expect([south, west].map((target) => subject.position(target))).toEqual([10n, 10n])
})

test('what a target passed on a branch that was left it may hold on the way the cluster went since', () => {
  const subject = behind(1)
  subject.stored(west, 1, span(40, 90))
  subject.letGo(north, 1, 60n)
  expect(subject.position(west)).toBe(90n)
  subject.turn(pathTo(3, parseHistory(3, '1\t0/14\tbefore\n')))
  for (const target of [south, west]) subject.storedHistory(target, 3)
  subject.stored(west, 3, span(16, 120))
  subject.stored(south, 3, span(40, 90))
  subject.letGo(north, 3, 60n)
  expect([south, west].map((target) => subject.position(target))).toEqual([10n, 120n])
})

test('what one target comes to is safe, and lets another pass', () => {
  const subject = behind(2)
  for (const target of [south, west]) subject.stored(target, 1, span(40, 90))
  for (const target of [north, west]) subject.letGo(target, 1, 60n)
  // West by itself, and south behind it.
  expect([south, west].map((target) => subject.position(target))).toEqual([90n, 90n])
})

test('where its WAL begins is remembered of each target alone, as it told, and cut where the cluster went another way', () => {
  const subject = holders(1)
  subject.letGo(north, 1, 60n)
  subject.letGo(north, 1, 50n)
  expect(subject.beginning(north)).toEqual({ timeline: 1, lsn: 60n })
  expect([north, south].map((target) => subject.beginsAt(target))).toEqual([60n, 0n])
  expect(subject.beginning(south)).toBeUndefined()
  subject.turn(pathTo(2, parseHistory(2, '1\t0/32\tbefore\n')))
  expect(subject.beginning(north)).toEqual({ timeline: 1, lsn: 50n })
})

test('what was let go of a timeline that was left says nothing of what the one the cluster was put back to wrote since', () => {
  const subject = holders(1, 0n, pathTo(3, parseHistory(3, '1\t0/32\tbefore\n')))
  subject.letGo(north, 3, 80n)
  subject.turn(BRANCH)
  // Of a timeline that was left it would be taken for nothing by the next process.
  expect(subject.beginning(north)).toEqual({ timeline: 1, lsn: 50n })
  // It is heard again, from the beginning.
  subject.letGo(north, 3, 80n)
  expect(subject.beginsAt(north)).toBe(50n)
  subject.storedHistory(north, 2)
  subject.stored(north, 2, span(64, 180))
  expect(subject.position(north)).toBe(0n)
})

test('a hole in WAL that was let go holds nobody up who holds the log from there on, and nobody else moves', () => {
  const subject = holders(2)
  subject.stored(north, 1, span(0, 100))
  subject.stored(south, 1, span(0, 10))
  subject.stored(south, 1, span(40, 90))
  everywhere(subject, 1, 60n)
  expect([north, south, west].map((target) => subject.position(target))).toEqual([100n, 90n, 0n])
  expect(subject.holeAt(south)).toBeUndefined()
  expect(subject.safe).toBe(90n)
  // Away for longest, and back: it goes on where the archive begins.
  subject.stored(west, 1, span(60, 70))
  expect(subject.position(west)).toBe(70n)
})

test('a hole that reaches beyond what was let go stays one', () => {
  const subject = holders(2)
  subject.stored(south, 1, span(0, 10))
  subject.stored(south, 1, span(61, 90))
  everywhere(subject, 1, 60n)
  expect([subject.position(south), subject.holeAt(south)]).toEqual([10n, 10n])
  subject.stored(south, 1, span(60, 61))
  expect([subject.position(south), subject.holeAt(south)]).toEqual([90n, undefined])
})

test('whatever is let go, a position is one up to which a target holds everything the archive has', () => {
  const aStore = fc.record({ start: fc.nat(60), size: fc.integer({ min: 1, max: 20 }) })
  const aFact = fc.oneof(aStore, fc.record({ before: fc.nat(80) }))
  fc.assert(
    fc.property(fc.array(aFact, { maxLength: 60 }), (facts) => {
      const subject = holders(1)
      const bytes = new Set<number>()
      let begins = 0
      for (const fact of facts) {
        if ('before' in fact) {
          everywhere(subject, 1, BigInt(fact.before))
          begins = Math.max(begins, fact.before)
        } else {
          subject.stored(north, 1, span(fact.start, fact.start + fact.size))
          for (let byte = fact.start; byte < fact.start + fact.size; byte += 1) bytes.add(byte)
        }
      }
      const position = Number(subject.position(north))
      for (let byte = begins; byte < position; byte += 1) expect(bytes.has(byte)).toBe(true)
      expect(position === 0 || bytes.has(position - 1)).toBe(true)
      expect(bytes.has(position)).toBe(false)
    }),
  )
})

const BRANCH = pathTo(2, parseHistory(2, '1\t0/64\tno recovery target specified\n'))

test('a position on a new timeline counts only at a target that holds its history', () => {
  const subject = holders(1)
  subject.stored(north, 1, span(0, 100))
  expect(subject.turn(BRANCH)).toBe(true)
  subject.stored(north, 2, span(64, 180))
  expect(subject.safe).toBe(100n)
  subject.storedHistory(south, 2)
  expect(subject.safe).toBe(100n)
  subject.storedHistory(north, 2)
  expect(subject.safe).toBe(180n)
})

test('WAL of the old primary beyond the point of promotion does not count', () => {
  const subject = holders(1)
  subject.stored(north, 1, span(0, 130))
  expect(subject.safe).toBe(130n)
  subject.turn(BRANCH)
  expect(subject.safe).toBe(100n)
  subject.storedHistory(north, 2)
  subject.stored(north, 1, span(100, 150))
  expect(subject.safe).toBe(100n)
})

test('what was let go of a branch that was left says nothing beyond the place where it was left', () => {
  const third = pathTo(3, parseHistory(3, '1\t0/32\tbefore\n'))
  const subject = holders(1, 0n, third)
  everywhere(subject, 2, 80n)
  subject.stored(north, 3, span(60, 90))
  expect(subject.position(north)).toBe(0n)
  subject.stored(north, 3, span(50, 60))
  expect(subject.position(north)).toBe(90n)
})

test('what was let go of a timeline counts no further than where the next one left it', () => {
  const subject = holders(1)
  everywhere(subject, 1, 150n)
  subject.turn(BRANCH)
  subject.storedHistory(north, 2)
  subject.stored(north, 2, span(120, 180))
  expect(subject.position(north)).toBe(0n)
  subject.stored(north, 2, span(64, 120))
  expect(subject.position(north)).toBe(180n)
})

test('a cluster that is brought back to before it went over to our timeline is held as far as both ways are one, and what was stored of its way counts again', () => {
  const third = pathTo(3, parseHistory(3, '1\t0/C8\tbefore\n'))
  const subject = holders(1)
  const hear = () => {
    subject.stored(north, 1, span(0, 220))
    subject.storedHistory(north, 2)
    subject.stored(north, 2, span(64, 400))
  }
  hear()
  subject.turn(BRANCH)
  hear()
  expect(subject.safe).toBe(400n)
  expect(subject.turn(third)).toBe(false)
  expect(subject.safe).toBe(100n)
  hear()
  expect(subject.safe).toBe(200n)
  subject.stored(north, 3, span(128, 500))
  expect(subject.safe).toBe(200n)
  subject.storedHistory(north, 3)
  expect(subject.safe).toBe(500n)
})

test('a branch that was left is told from a timeline that leads here', () => {
  const third = pathTo(3, parseHistory(3, '1\t0/32\tbefore\n'))
  const subject = holders(1, 0n, BRANCH)
  expect(subject.turn(third)).toBe(false)
  expect(holders(1).turn(third)).toBe(true)
})
