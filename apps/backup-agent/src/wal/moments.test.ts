import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Moments } from './moments.ts'

test('a position holds everything up to the newest moment at which nothing lay beyond it', () => {
  const moments = new Moments()
  moments.note(10n, 1_000)
  moments.note(20n, 2_000)
  moments.note(20n, 5_000)
  moments.note(30n, 6_000)
  expect([9n, 10n, 19n, 20n, 29n, 99n].map((lsn) => moments.heldBy(lsn))).toEqual([
    undefined,
    1_000,
    1_000,
    5_000,
    5_000,
    6_000,
  ])
})

test('no moment is ever claimed that is not true, however many there are', () => {
  const steps = fc.array(fc.record({ grow: fc.nat(5), wait: fc.nat(400) }), { maxLength: 200 })
  fc.assert(
    fc.property(steps, fc.nat(400), (all, asked) => {
      const moments = new Moments()
      let lsn = 0n
      let atMs = 0
      let truth: number | undefined
      for (const { grow, wait } of all) {
        lsn += BigInt(grow)
        atMs += wait
        moments.note(lsn, atMs)
        if (lsn <= BigInt(asked)) truth = atMs
      }
      const claimed = moments.heldBy(BigInt(asked))
      if (claimed !== undefined) expect(claimed).toBeLessThanOrEqual(truth ?? Number.NEGATIVE_INFINITY)
    }),
  )
})

test('a target away for days makes the marks coarser, not more', () => {
  const moments = new Moments()
  for (let second = 0; second < 300_000; second += 1) moments.note(BigInt(second), second * 1000)
  const claimed = moments.heldBy(150_000n) ?? 0
  expect(claimed).toBeLessThanOrEqual(150_000_000)
  expect(claimed).toBeGreaterThan(149_000_000)
  expect(moments.heldBy(299_999n)).toBe(299_999_000)
})

test('what was known of a branch that was left is forgotten', () => {
  const moments = new Moments()
  moments.note(10n, 1_000)
  moments.note(50n, 2_000)
  moments.cutBack(20n)
  expect(moments.heldBy(60n)).toBe(1_000)
  moments.note(30n, 3_000)
  expect(moments.heldBy(60n)).toBe(3_000)
})

test('back to before everything that is remembered, what was held by then is held', () => {
  const moments = new Moments()
  moments.note(50n, 2_000)
  moments.cutBack(20n, 1_500)
  expect(moments.heldBy(20n)).toBe(1_500)
  moments.note(25n, 3_000)
  expect(moments.heldBy(20n)).toBe(1_500)
})
