import type { TargetId } from '@lifeboat/shared/domain/ids.ts'
import { type Path, parseHistory, pathTo } from '@lifeboat/shared/domain/timelines.ts'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Holders } from './holders.ts'

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

test('a branch that was left is told from a timeline that leads here', () => {
  const third = pathTo(3, parseHistory(3, '1\t0/32\tbefore\n'))
  const subject = holders(1, 0n, BRANCH)
  expect(subject.turn(third)).toBe(false)
  expect(holders(1).turn(third)).toBe(true)
})
