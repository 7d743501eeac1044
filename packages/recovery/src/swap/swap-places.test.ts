import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type PlaceSwap, stateOf, swapPlaces } from './swap-places.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lifeboat-swap-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** A place with what is there and what is to come. */
function prepare(name: string, kind: 'folder' | 'file' | 'link'): PlaceSwap {
  const [place, next] = [join(folder, name), join(folder, `${name}_next`)]
  for (const [path, text] of [
    [place, 'old'],
    [next, 'new'],
  ] as const) {
    if (kind === 'link') symlinkSync(text, path)
    else if (kind === 'file') writeFileSync(path, text)
    else {
      mkdirSync(path)
      writeFileSync(join(path, 'file'), text)
    }
  }
  return { place, next, aside: join(folder, `${name}_before`), was: true }
}

function read(path: string): string {
  const found = lstatSync(path)
  if (found.isSymbolicLink()) return readlinkSync(path)
  return readFileSync(found.isDirectory() ? join(path, 'file') : path, 'utf8')
}

const all = () => [prepare('a', 'folder'), prepare('b', 'file'), prepare('c', 'link')]

test('all of it is in place, what was there is kept, and once more changes nothing', async () => {
  const swaps = all()
  expect(await Promise.all(swaps.map(stateOf))).toEqual(['none', 'none', 'none'])
  for (let i = 0; i < 2; i++) {
    await swapPlaces(swaps)
    expect(await Promise.all(swaps.map(stateOf))).toEqual(['done', 'done', 'done'])
    for (const { place, aside } of swaps) expect([read(place), read(aside)]).toEqual(['new', 'old'])
  }
})

test('whoever died between two renames comes to the same end', async () => {
  const swaps = all()
  const [{ place, aside }] = swaps as [PlaceSwap]
  renameSync(place, aside)
  expect(await Promise.all(swaps.map(stateOf))).toEqual(['half', 'none', 'none'])
  await swapPlaces(swaps)
  for (const each of swaps) expect([read(each.place), read(each.aside)]).toEqual(['new', 'old'])
})

test.each(['folder', 'file'] as const)(
  'a %s that was made at a place whose own is kept is not overwritten: it gives way to that, and all the rest is undone',
  async (kind) => {
    const taken = prepare('taken', kind)
    const swaps = [...all(), taken]
    const own = kind === 'folder' ? join(taken.place, 'file') : taken.place
    renameSync(taken.place, taken.aside)
    if (kind === 'folder') mkdirSync(taken.place)
    writeFileSync(own, 'made by the service')
    expect(await stateOf(taken)).toBe('half')
    // Of an earlier life.
    await swapPlaces(swaps.slice(1, 2))
    const away = `${taken.aside}_again`
    const problem = expect.stringContaining(`what was there is kept as ${away}, and has to be removed by hand`)
    await expect(swapPlaces(swaps)).rejects.toMatchObject({ code: 'RESTORE_FILES_UNFIT', facts: { problem } })
    for (const { place, next } of swaps) expect([read(place), read(String(next))]).toEqual(['old', 'new'])
    expect(await Promise.all(swaps.map(stateOf))).toEqual(['none', 'none', 'none', 'none'])
    expect(read(away)).toBe('made by the service')
  },
)

test('whoever died between two renames, and cannot do the second, puts back what was there', async () => {
  const swaps = all()
  const [{ place, aside }] = swaps as [PlaceSwap]
  renameSync(place, aside)
  const impossible = { ...prepare('z', 'file'), place: join(folder, 'z', 'no folder', 'x') }
  await expect(swapPlaces([impossible, ...swaps])).rejects.toMatchObject({ code: 'RESTORE_FILES_UNFIT' })
  expect(await Promise.all(swaps.map(stateOf))).toEqual(['none', 'none', 'none'])
  expect(read(place)).toBe('old')
})

test('where what was kept is gone, what is in place stays there, and that is said', async () => {
  const done = prepare('done', 'folder')
  await swapPlaces([done])
  rmSync(done.aside, { recursive: true })
  const impossible = { ...prepare('z', 'file'), place: join(folder, 'z', 'no folder', 'x') }
  await expect(swapPlaces([done, impossible])).rejects.toMatchObject({
    facts: { problem: expect.stringContaining(`${done.aside} is gone`) },
  })
  expect(read(done.place)).toBe('new')
})

test('when one of them cannot be put in place, none is', async () => {
  const swaps = [...all(), { ...prepare('d', 'file'), place: join(folder, 'd', 'no folder', 'x') }]
  await expect(swapPlaces(swaps)).rejects.toMatchObject({ code: 'RESTORE_FILES_UNFIT' })
  for (const { place, next } of swaps.slice(0, 3)) expect([read(place), read(String(next))]).toEqual(['old', 'new'])
  expect(readdirSync(folder).filter((name) => name.endsWith('_before'))).toEqual([])
})

test.each(['folder', 'file', 'link'] as const)(
  'a %s that appeared where nothing was is kept, and is back when another cannot be put in place',
  async (kind) => {
    const appeared = { ...prepare('appeared', kind), was: false }
    const impossible = { ...prepare('z', 'file'), place: join(folder, 'z', 'no folder', 'x') }
    await expect(swapPlaces([appeared, impossible])).rejects.toMatchObject({ code: 'RESTORE_FILES_UNFIT' })
    expect([read(appeared.place), read(appeared.next as string)]).toEqual(['old', 'new'])
    await swapPlaces([appeared])
    expect([read(appeared.place), read(appeared.aside)]).toEqual(['new', 'old'])
  },
)

test('whoever died when what appeared was put aside knows that it had begun', async () => {
  const appeared = { ...prepare('appeared', 'folder'), was: false }
  renameSync(appeared.place, appeared.aside)
  expect(await stateOf(appeared)).toBe('half')
})

test('a place that has vanished meanwhile does not keep the others from being undone', async () => {
  const vanished = prepare('vanished', 'folder')
  rmSync(vanished.place, { recursive: true })
  const impossible = { ...prepare('z', 'file'), place: join(folder, 'z', 'no folder', 'x') }
  const swaps = all()
  await expect(swapPlaces([...swaps, vanished, impossible])).rejects.toMatchObject({ code: 'RESTORE_FILES_UNFIT' })
  for (const { place, next } of swaps) expect([read(place), read(String(next))]).toEqual(['old', 'new'])
  expect([read(String(vanished.next)), readdirSync(folder).includes('vanished')]).toEqual(['new', false])
})

test('what was not there before a restore is put aside by its revert', async () => {
  const { place, next: _next, ...rest } = prepare('a', 'folder')
  const swap = { place, ...rest }
  expect(await stateOf(swap)).toBe('none')
  await swapPlaces([swap])
  expect([await stateOf(swap), read(swap.aside)]).toEqual(['done', 'old'])
})
