import { execFileSync } from 'node:child_process'
import { linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import type { TarMember } from '../src/tar/member.ts'
import { TarReader } from '../src/tar/read-tar.ts'

const folder = mkdtempSync(join(tmpdir(), 'lifeboat-tar-'))
afterAll(() => rmSync(folder, { recursive: true }))

interface Read extends TarMember {
  contents: Buffer
}

function archiveOf(root: string): Buffer {
  const args = ['--create', '--file=-', '--format=posix', '--sparse', '--sort=name', `--directory=${root}`, '.']
  return execFileSync('tar', args, { maxBuffer: 1e9 })
}

/** Fed in pieces of one size, so that everything is cut somewhere. */
function readAll(archive: Buffer, pieceBytes: number): { members: Read[]; complete: boolean } {
  const members: Read[] = []
  let chunks: Buffer[] = []
  let open: TarMember | undefined
  const reader = new TarReader({
    begin(member) {
      open = member
      chunks = []
    },
    data: (chunk) => void chunks.push(Buffer.from(chunk)),
    hole: (bytes) => void chunks.push(Buffer.alloc(bytes)),
    end: () => void members.push({ ...(open as TarMember), contents: Buffer.concat(chunks) }),
  })
  for (let at = 0; at < archive.length; at += pieceBytes) reader.add(archive.subarray(at, at + pieceBytes))
  return { members, complete: reader.complete }
}

const long = 'a-name-of-'.repeat(20)
const odd = Buffer.from('bad\xffname\n', 'latin1')
const root = join(folder, 'tree')
mkdirSync(join(root, long), { recursive: true })
writeFileSync(join(root, long, 'file'), 'in a long folder')
writeFileSync(Buffer.concat([Buffer.from(`${root}/`), odd]), 'odd')
writeFileSync(join(root, 'empty'), '')
writeFileSync(join(root, 'sparse'), 'begin')
truncateSync(join(root, 'sparse'), 3_000_000)
writeFileSync(join(root, 'sparse'), 'end', { flag: 'a' })
symlinkSync(`/nowhere/${long}`, join(root, 'symlink'))
linkSync(join(root, 'empty'), join(root, 'hardlink'))

const archive = archiveOf(root)

for (const pieceBytes of [1, 511, 512, 10_007, 1_000_000_000])
  test(`an archive of GNU tar is read in pieces of ${pieceBytes} bytes`, () => {
    const { members, complete } = readAll(archive, pieceBytes)
    const named = (name: string) => members.find((each) => each.name === name)
    expect(complete).toBe(true)
    expect(named(`./${long}/file`)).toMatchObject({ type: 'file', contents: Buffer.from('in a long folder') })
    expect(named(`./${odd.toString('latin1')}`)).toMatchObject({ type: 'file', contents: Buffer.from('odd') })
    const sparse = Buffer.concat([Buffer.from('begin'), Buffer.alloc(2_999_995), Buffer.from('end')])
    expect(named('./sparse')?.bytes).toBe(3_000_003)
    expect(named('./sparse')?.contents.equals(sparse)).toBe(true)
    expect(named('./symlink')?.linksTo).toBe(`/nowhere/${long}`)
    expect(members.filter(({ type }) => type === 'hardlink')).toHaveLength(1)
    expect(members).toHaveLength(8)
  })

test('each member has its own owner, however like the one before that is called', () => {
  const names = ['root', 'ro', 'rooted', 'rootes', 'r'.repeat(31), 'r'.repeat(30), 'root', 'root']
  const headers = names.map((name) => {
    const how = ['--create', '--file=-', '--format=ustar', '--mtime=@0', `--owner=${name}:7`, `--group=${name}:7`]
    return execFileSync('tar', [...how, `--directory=${root}`, 'empty']).subarray(0, 512)
  })
  const { members } = readAll(Buffer.concat(headers), 512)
  expect(members.map(({ user }) => user)).toEqual(names)
  expect(members.map(({ group }) => group)).toEqual(names)
})

test('an archive is read alike wherever in the memory it lies', () => {
  const shifted = Buffer.concat([Buffer.alloc(1), archive]).subarray(1)
  expect(readAll(shifted, 512 * 1024)).toEqual(readAll(archive, 512 * 1024))
})

test('an archive that stops before its end is not complete, wherever it stops', () => {
  for (const at of [0, 512, 1024, archive.length / 2])
    expect(readAll(archive.subarray(0, at), 512).complete).toBe(false)
})

test('what is no archive, and one with a flipped bit in a header, is refused', () => {
  expect(() => readAll(Buffer.alloc(1024, 'x'), 512)).toThrow('checksum')
  const flipped = Buffer.from(archive)
  flipped[100] = (flipped[100] as number) ^ 1
  expect(() => readAll(flipped, 512)).toThrow('checksum')
})
