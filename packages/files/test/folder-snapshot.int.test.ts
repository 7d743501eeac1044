import { execFileSync } from 'node:child_process'
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { archiveGate } from '../src/gate/archive-gate.ts'
import { FolderSnapshot } from '../src/gate/folder-snapshot.ts'

let folder = ''
let root = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lifeboat-snapshot-'))
  root = join(folder, 'tree')
  for (const name of ['a/deep', 'empty', 'bad\xff\n', 'a-b']) mkdirSync(inTree(name), { recursive: true })
  for (const name of ['top', 'a/one', 'a/Two', 'a/deep/three', 'bad\xff\n/four\xfe', 'a-b/five', 'gone'])
    writeFileSync(inTree(name), name)
  symlinkSync('top', inTree('a/link'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const inTree = (name: string) => Buffer.from(`${root}/${name}`, 'latin1')

const ARCHIVE = ['--create', '--file=-', '--format=posix', '--no-check-device']

function tar(how: string[] = [], point = '.'): Buffer {
  return execFileSync('tar', [...ARCHIVE, ...how, `--directory=${root}`, point], { maxBuffer: 1e9 })
}

/** Ours, of a full archive made now. */
function snapshotOf(startedMs: number, point?: string): string {
  const path = join(folder, 'ours')
  const fd = openSync(path, 'w')
  const snapshot = new FolderSnapshot({ root, startedMs, fd, oneFilesystem: true })
  archiveGate({ line: () => {}, member: (member) => snapshot.member(member) }).add(tar([], point))
  snapshot.end()
  closeSync(fd)
  return path
}

function snapshotOfTar(): string {
  const path = join(folder, 'theirs')
  tar([`--listed-incremental=${path}`])
  return path
}

/** What tar takes of the tree now, building on a snapshot: names and what each folder is said to hold. */
function incremental(snapshot: string, point?: string): string[] {
  const taken: string[] = []
  archiveGate({
    line: () => {},
    member: ({ name, dumpdir }) => void taken.push(dumpdir === undefined ? name : `${name}: ${dumpdir}`),
  }).add(tar([`--listed-incremental=${snapshot}`], point))
  return taken.sort()
}

/** The records of a snapshot behind its head, in one order. */
const records = (path: string) =>
  readFileSync(path, 'latin1')
    .replace(/^.*?\n\d+\0\d+\0/s, '')
    .split('\0\0\0')
    .sort()

test('of a tree at rest it is the snapshot tar makes itself', async () => {
  await setTimeout(1_300)
  expect(records(snapshotOf(Date.now()))).toEqual(records(snapshotOfTar()))
})

test('an incremental archive built on it takes what one built on that of tar takes', async () => {
  await setTimeout(1_300)
  const [ours, theirs] = [snapshotOf(Date.now()), snapshotOfTar()]
  await setTimeout(50)
  writeFileSync(inTree('a/one'), 'changed')
  writeFileSync(inTree('a/new'), 'new')
  rmSync(inTree('gone'))
  renameSync(inTree('a/deep'), inTree('moved'))
  rmSync(inTree('a-b'), { recursive: true })
  writeFileSync(inTree('a-b'), 'a file now')
  const taken = incremental(ours)
  expect(taken).toEqual(incremental(theirs))
  expect(taken).toEqual(expect.arrayContaining(['./a/one', './a/new', './a-b', expect.stringContaining('R./a/deep')]))
  expect(taken).not.toContain('./a/Two')
})

test('a folder that was touched while tar read is taken whole by the next archive, and so is what lies below it', async () => {
  await setTimeout(1_300)
  const startedMs = Date.now()
  renameSync(inTree('a/one'), inTree('a/renamed'))
  const taken = incremental(snapshotOf(startedMs))
  expect(taken).toEqual(expect.arrayContaining(['./a/deep/three', './a/renamed', './a/Two']))
  expect(taken).not.toContain('./a-b/five')
  expect(taken).not.toContain('./top')
})

test('a folder below one that was touched, and that the archive does not have, is taken whole as well', async () => {
  await setTimeout(1_300)
  const startedMs = Date.now()
  expect(incremental(snapshotOf(startedMs, './a/deep'), './a/deep')).not.toContain('./a/deep/three')
  renameSync(inTree('a/one'), inTree('a/renamed'))
  expect(incremental(snapshotOf(startedMs, './a/deep'), './a/deep')).toContain('./a/deep/three')
})
