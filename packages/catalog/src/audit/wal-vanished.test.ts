import type { TargetId } from '@lifeboat/shared/domain/ids.ts'
import { expect, test } from 'vitest'
import type { HeldWal } from './wal-held.ts'
import { vanishedSince } from './wal-vanished.ts'

const histories = (...timelines: number[]): HeldWal => ({ spans: new Map(), histories: new Set(timelines) })
const held = (...spans: [start: number, end: number][]): HeldWal => ({
  spans: new Map(
    spans.length === 0 ? [] : [[1, spans.map(([start, end]) => ({ start: BigInt(start), end: BigInt(end) }))]],
  ),
  histories: new Set(),
})
const here = (all: HeldWal, good = all) => ({ held: all, good })
const by = <T>(of: Record<string, T>) => new Map(Object.entries(of)) as unknown as Map<TargetId, T>

function ask(seen: Record<string, HeldWal>, now: Record<string, ReturnType<typeof here>>) {
  const { missing, gone } = vanishedSince(by(seen), by(now))
  return { missing: Object.fromEntries(missing), gone }
}

test('what one target lost and another has is missing there, and not gone', () => {
  const found = ask(
    { aws: held([0, 9]), nas: held([0, 9]) },
    { aws: here(held([0, 3], [5, 9])), nas: here(held([0, 9])) },
  )
  expect(found).toEqual({ missing: { aws: held([3, 5]) }, gone: held() })
})

test('what no target has is gone, also where only one ever had it', () => {
  const found = ask({ aws: held([0, 9]), nas: held([6, 9]) }, { aws: here(held([0, 3])), nas: here(held([6, 9])) })
  expect(found).toEqual({ missing: { aws: held([3, 9]) }, gone: held([3, 6]) })
})

test('what a target never had is not missing there', () => {
  expect(ask({ aws: held([0, 9]) }, { aws: here(held([0, 9])), nas: here(held([5, 9])) })).toEqual({
    missing: {},
    gone: held(),
  })
})

test('what is damaged wherever it is left is gone', () => {
  const damaged = here(held([0, 9]), held([0, 3], [5, 9]))
  const found = ask({ aws: held([0, 9]), nas: held([0, 9]) }, { aws: damaged, nas: here(held([0, 4], [5, 9])) })
  expect(found).toEqual({ missing: { nas: held([4, 5]) }, gone: held([4, 5]) })
})

test('a history is missing at one target, or gone from all, as WAL is', () => {
  const seen = { aws: histories(2, 3), nas: histories(2, 3) }
  expect(ask(seen, { aws: here(histories(2)), nas: here(histories()) })).toEqual({
    ...{ missing: { aws: histories(3), nas: histories(2, 3) }, gone: histories(3) },
  })
})

test('what is damaged when it is first looked at, and nowhere whole, is gone', () => {
  expect(ask({}, { aws: here(held([0, 9]), held([0, 3], [5, 9])) })).toEqual({ missing: {}, gone: held([3, 5]) })
})

test('a target that could not be listed misses nothing', () => {
  expect(ask({ aws: held([0, 9]), nas: held([0, 9]) }, { nas: here(held([0, 9])) })).toEqual({
    missing: {},
    gone: held(),
  })
})
