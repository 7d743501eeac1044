import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type FolderSwap, swapFolders } from './swap-folders.ts'

let root: string
let swap: FolderSwap
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'lifeboat-swap-'))
  swap = { place: join(root, 'data'), next: join(root, 'new'), aside: join(root, 'old') }
  for (const name of ['data', 'new']) {
    await mkdir(join(root, name))
    await writeFile(join(root, name, 'who'), name)
  }
})
afterEach(() => rm(root, { recursive: true }))

const who = (name: string) => readFile(join(root, name, 'who'), 'utf8')

test('the new one is in place, and what was there is aside', async () => {
  await swapFolders(swap)
  expect([await who('data'), await who('old'), await readdir(root)]).toEqual(['new', 'data', ['data', 'old']])
})

test('whoever died between the two renames comes to the same end', async () => {
  await rename(swap.place, swap.aside as string)
  await swapFolders(swap)
  expect([await who('data'), await who('old')]).toEqual(['new', 'data'])
})

test('when the new one cannot be put in place, what was there is back', async () => {
  await expect(swapFolders({ ...swap, next: join(root, 'gone') })).rejects.toThrow('ENOENT')
  expect([await who('data'), (await readdir(root)).sort()]).toEqual(['data', ['data', 'new']])
})

test('where nothing was, nothing is put aside', async () => {
  await rm(swap.place, { recursive: true })
  await swapFolders({ ...swap, aside: undefined })
  expect([await who('data'), await readdir(root)]).toEqual(['new', ['data']])
})
