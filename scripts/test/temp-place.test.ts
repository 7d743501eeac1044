import { expect, it } from 'vitest'
import { type Place, whyNotInMemory } from './temp-place.ts'

const GIB = 2 ** 30
const place: Place = { inMemory: true, runsPrograms: true, freeBytes: 6 * GIB, freeFiles: 1_500_000 }

it('puts temporary files into memory where there is enough of it', () => {
  expect(whyNotInMemory(place, 10 * GIB)).toBeUndefined()
})

it.each([
  ['a machine without such a folder', undefined, 10 * GIB, 'no such folder'],
  ['a disk under its name', { ...place, inMemory: false }, 10 * GIB, 'no such folder'],
  ['a container that lets nothing run there', { ...place, runsPrograms: false }, 10 * GIB, 'no program'],
  ["a container's 64 MB", { ...place, freeBytes: 64 * 2 ** 20 }, 10 * GIB, 'no room'],
  ['room that is nearly enough', { ...place, freeBytes: 6 * GIB - 1 }, 10 * GIB, 'no room'],
  ['room for less than a million and a half of files', { ...place, freeFiles: 1_499_999 }, 10 * GIB, 'so many files'],
  ['a machine whose memory others need', place, 10 * GIB - 1, 'memory is short'],
] as const)('keeps temporary files on the disk for %s', (_what, there, available, why) => {
  expect(whyNotInMemory(there, available)).toContain(why)
})
