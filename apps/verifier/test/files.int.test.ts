import { execFileSync, spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { CheckResult } from '@lifeboat/shared/domain/drill.ts'
import type { Manifest } from '@lifeboat/shared/domain/manifest.ts'
import { isRoot, orNotRun } from '@lifeboat/testkit/conditions.ts'
import { type Hostile, hostileArchive } from '@lifeboat/testkit/hostile-archive.ts'
import { type SealFilesOptions, sealFiles } from '@lifeboat/testkit/seal-files.ts'
import { openTree } from '@lifeboat/testkit/tree.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type DrillRoom, openDrillRoom } from './drill-room.ts'

let room: DrillRoom
beforeAll(async () => {
  room = await openDrillRoom()
})
afterAll(() => room[Symbol.asyncDispose]())

const seal = (archives: readonly Buffer[], more: Partial<SealFilesOptions> = {}) =>
  sealFiles({ target: room.target, recipient: room.recipient, signer: room.agent, archives, ...more })

const answerTo = (checks: readonly CheckResult[], check: string) => checks.find((each) => each.check === check)

const isLinux = process.platform === 'linux'
const owners = isRoot ? 'passed' : 'skipped'

test('a tree of every sort is proven: contents, modes, owners, links', async () => {
  using tree = openTree()
  const { root } = tree
  mkdirSync(join(root, 'src/deep'), { recursive: true })
  writeFileSync(join(root, 'src/index.js'), 'x'.repeat(3_000_000), { mode: 0o640 })
  writeFileSync(Buffer.concat([Buffer.from(`${root}/`), Buffer.from('bad\xff\n name', 'latin1')]), 'odd')
  writeFileSync(join(root, 'sparse'), 'begin')
  truncateSync(join(root, 'sparse'), 50_000_000)
  writeFileSync(join(root, 'closed'), 'nobody may', { mode: 0o000 })
  symlinkSync('src/index.js', join(root, 'inside'))
  symlinkSync('/etc/passwd', join(root, 'absolute'))
  symlinkSync('../../outside', join(root, 'src/outside'))
  symlinkSync('loop', join(root, 'loop'))
  for (let i = 0; i < 50; i++) linkSync(join(root, 'src/index.js'), join(root, `src/deep/link-${i}`))
  execFileSync('mkfifo', [join(root, 'fifo')])
  writeFileSync(join(root, 'setuid'), '#!')
  chmodSync(join(root, 'setuid'), 0o4755)
  if (isRoot) chownSync(join(root, 'src/index.js'), 1234, 4321)
  writeFileSync(join(root, 'config.json'), '{"a": 1}')
  writeFileSync(join(root, 'config.yaml'), 'a: 1\n')
  const fact = await room.drill(await seal([tree.archive()]), {
    rules: {
      files: [
        { path: 'src/index.js' },
        { path: 'config.json', parses: 'json' },
        { path: 'config.yaml', parses: 'yaml' },
      ],
    },
  })
  const evidence = await room.evidence(fact)
  expect({ verdict: fact.verdict, reasons: fact.reasons }).toEqual({ verdict: 'proven', reasons: [] })
  expect(answerTo(evidence.checks, 'owners')?.answer).toBe(owners)
  const extract = answerTo(evidence.checks, 'extract')?.detail
  expect(extract).toContain('2 links that lead outside (')
  expect(extract).toContain('1 special files (./fifo)')
  expect(extract).toContain('bits (./setuid)')
  expect(evidence.recoveryMs).toBeGreaterThan(0)
  expect(await room.leftovers()).toEqual([])
})

test('a chain is replayed: changes, deletions, a renamed folder, a file that became a folder', async () => {
  using tree = openTree()
  const { root } = tree
  mkdirSync(join(root, 'a/b'), { recursive: true })
  for (const name of ['a/same', 'a/b/moves', 'gone', 'becomes', 'changes']) writeFileSync(join(root, name), name)
  const full = await seal([tree.archive()])
  await new Promise((resolve) => setTimeout(resolve, 1_100))
  rmSync(join(root, 'gone'))
  rmSync(join(root, 'becomes'))
  mkdirSync(join(root, 'becomes'))
  writeFileSync(join(root, 'becomes/inner'), 'now a folder')
  writeFileSync(join(root, 'changes'), 'changed')
  renameSync(join(root, 'a/b'), join(root, 'renamed'))
  const second = await seal([tree.archive()], { parent: full })
  await new Promise((resolve) => setTimeout(resolve, 1_100))
  writeFileSync(join(root, 'last'), 'last')
  const third = await seal([tree.archive()], { parent: second })
  const fact = await room.drill(third, {
    rules: { files: [{ path: 'renamed/moves' }, { path: 'a/same' }, { path: 'last' }] },
  })
  expect({ verdict: fact.verdict, reasons: fact.reasons }).toEqual({ verdict: 'proven', reasons: [] })
  const evidence = await room.evidence(fact)
  expect(answerTo(evidence.checks, 'extract')?.detail).toMatch(
    /3 archives, one over the other, [1-9]\d* deletions followed/,
  )
  const gone = await room.drill(third, { rules: { files: [{ path: 'gone' }] } })
  expect(gone).toMatchObject({ verdict: 'failed', reasons: ['assertion gone: There is no gone.'] })
})

test('a chain that lacks what its last link counts on is failed, and the file is named', async () => {
  using tree = openTree()
  const { root } = tree
  writeFileSync(join(root, 'old'), 'old')
  tree.archive()
  await new Promise((resolve) => setTimeout(resolve, 1_100))
  writeFileSync(join(root, 'new'), 'new')
  using other = openTree()
  writeFileSync(join(other.root, 'stranger'), 'of another tree')
  const wrong = await seal([other.archive()])
  const fact = await room.drill(await seal([tree.archive()], { parent: wrong }))
  expect(fact).toMatchObject({
    verdict: 'failed',
    reasons: [expect.stringMatching(/none of the chain has them: \.\/old/)],
  })
})

const lies: readonly [string, (line: Record<string, unknown>) => Record<string, unknown>, RegExp][] = [
  ['other contents', (line) => ({ ...line, sha256: 'f'.repeat(64) }), /\.\/file: has other contents/],
  ['another mode', (line) => ({ ...line, mode: 0o600 }), /\.\/file: has mode 644 instead of 600/],
  ['another length', (line) => ({ ...line, bytes: 5 }), /\.\/file: has 4 bytes instead of 5/],
  ['another name', (line) => ({ ...line, name: './elsewhere' }), /\.\/elsewhere: is not there/],
  ['another kind', (line) => ({ ...line, type: 'folder' }), /\.\/file: is no folder/],
]
for (const [what, change, reason] of lies)
  test(`a list that says ${what} fails the copy`, async () => {
    using tree = openTree()
    writeFileSync(join(tree.root, 'file'), 'file', { mode: 0o644 })
    const spoilList = (list: string) =>
      list.replace(/^.*"\.\/file".*$/m, (line) => JSON.stringify(change(JSON.parse(line))))
    const fact = await room.drill(await seal([tree.archive()], { spoilList }))
    expect(fact).toMatchObject({ verdict: 'failed', reasons: [expect.stringMatching(reason)] })
  })

test.runIf(orNotRun(isRoot, 'a list that says another owner', 'root'))(
  'a list that says another owner fails the copy',
  async () => {
    using tree = openTree()
    writeFileSync(join(tree.root, 'file'), 'file')
    const spoilList = (list: string) => list.replaceAll('"uid":0', '"uid":7')
    const fact = await room.drill(await seal([tree.archive()], { spoilList }))
    expect(fact).toMatchObject({
      verdict: 'failed',
      reasons: [expect.stringMatching(/owners: 2 members have another owner/)],
    })
  },
)

const keepsAttributes =
  orNotRun(isLinux, 'extended attributes and access control lists', 'Linux') &&
  spawnSync('setfattr', ['--version']).status === 0
if (isLinux) expect(keepsAttributes, 'setfattr is missing: install attr').toBe(true)

/** `rw` for its owner, `r` for user 1 besides, as the kernel keeps it. */
const LIST = '0x0200000001000600ffffffff020004000100000004000400ffffffff10000600ffffffff20000400ffffffff'

function setAttribute(path: string, name: string, value: string): void {
  execFileSync('setfattr', ['-n', name, '-v', value, path])
}

test.runIf(keepsAttributes)(
  'extended attributes and access control lists come back, and one that differs fails the copy',
  async () => {
    using tree = openTree()
    const { root } = tree
    mkdirSync(join(root, 'folder = \n\\'))
    for (const name of ['plain', 'folder = \n\\/file', 'listed']) writeFileSync(join(root, name), name)
    setAttribute(join(root, 'folder = \n\\'), 'user.of folder', 'x')
    setAttribute(join(root, 'folder = \n\\/file'), 'user.odd=%', '0sAAEKgP8=')
    setAttribute(join(root, 'listed'), 'system.posix_acl_access', LIST)
    if (isRoot) setAttribute(join(root, 'plain'), 'security.marked', 'y')
    const archive = tree.archive()
    const good = await room.drill(await seal([archive]))
    expect({ verdict: good.verdict, reasons: good.reasons }).toEqual({ verdict: 'proven', reasons: [] })
    const answer = answerTo((await room.evidence(good)).checks, 'attributes')
    expect(answer).toMatchObject({ answer: 'passed', detail: expect.stringContaining('lists of 3 members are') })
    if (isRoot) expect(answer?.detail).toContain('1 have such as only the kernel acts on')
    const spoilList = (list: string) => list.replace(/("system.posix_acl_access":")..../, '$1ffff')
    const bad = await room.drill(await seal([archive], { spoilList }))
    expect(bad).toMatchObject({
      verdict: 'failed',
      reasons: [
        expect.stringContaining(
          'attributes: 1 members have other attributes than the list says: ./listed: system.posix_acl_access',
        ),
      ],
    })
  },
)

test('an archive with one member more than its list is failed', async () => {
  const archive = hostileArchive([
    { name: './a', contents: 'a' },
    { name: './b', contents: 'b' },
  ])
  const spoilList = (list: string) => `${list.split('\n')[0]}\n`
  const fact = await room.drill(await seal([archive], { spoilList }))
  expect(fact).toMatchObject({ verdict: 'failed', reasons: [expect.stringContaining('has 2 members and its list 1')] })
})

const attacks: readonly [string, (outside: string) => Hostile[], RegExp][] = [
  ['climbs out', () => [{ name: '../evil', contents: 'x' }], /a name that leads out of the tree/],
  ['climbs out on the way', () => [{ name: './a/../../evil', contents: 'x' }], /a name that leads out of the tree/],
  ['is absolute', (outside) => [{ name: `${outside}/evil`, contents: 'x' }], /an absolute name/],
  [
    'goes through a link of its own',
    (outside) => [
      { name: './door', type: '2', linksTo: outside },
      { name: './door/evil', contents: 'x' },
    ],
    /leads through something that is no folder/,
  ],
  [
    'goes through a link that stays inside',
    () => [
      { name: './real', type: '5', mode: 0o755 },
      { name: './door', type: '2', linksTo: 'real' },
      { name: './door/evil', contents: 'x' },
    ],
    /leads through something that is no folder/,
  ],
  [
    'names a file outside',
    (outside) => [{ name: './evil', type: '1', linksTo: `${outside}/victim` }],
    /an absolute name/,
  ],
  [
    'names a file outside by climbing',
    () => [{ name: './evil', type: '1', linksTo: '../../../victim' }],
    /a name that leads out of the tree/,
  ],
]
for (const [what, members, problem] of attacks)
  test(`a member that ${what} is refused and named, and the copy failed`, async () => {
    const outside = mkdtempSync(join(tmpdir(), 'lifeboat-outside-'))
    writeFileSync(join(outside, 'victim'), 'untouched')
    const fact = await room.drill(await seal([hostileArchive(members(outside))]))
    expect(fact).toMatchObject({ verdict: 'failed', reasons: [expect.stringMatching(problem)] })
    expect(readdirSync(outside)).toEqual(['victim'])
    expect(readFileSync(join(outside, 'victim'), 'utf8')).toBe('untouched')
    expect(existsSync(join(room.deps.scratchPath, 'evil'))).toBe(false)
    rmSync(outside, { recursive: true })
  })

test('devices are named and not made', async () => {
  const members: Hostile[] = [
    { name: './null', type: '3', mode: 0o666 },
    { name: './disk', type: '4', mode: 0o660 },
  ]
  const fact = await room.drill(await seal([hostileArchive(members)]))
  const evidence = await room.evidence(fact)
  expect(answerTo(evidence.checks, 'extract')?.detail).toContain('2 special files (./null, ./disk)')
  expect(fact.verdict).toBe('proven')
})

test('an archive that stops in the middle fails the copy', async () => {
  using tree = openTree()
  writeFileSync(join(tree.root, 'file'), 'x'.repeat(100_000))
  const archive = tree.archive()
  const fact = await room.drill(await seal([archive.subarray(0, archive.length - 20_480)]))
  expect(fact).toMatchObject({ verdict: 'failed', reasons: [expect.stringContaining('it ends before its end')] })
})

test('a configuration that parses no more is told by its place, not by its words', async () => {
  using tree = openTree()
  writeFileSync(join(tree.root, 'config.json'), '{"password": "hunter2", }')
  const rules = { files: [{ path: 'config.json', parses: 'json' as const }] }
  const fact = await room.drill(await seal([tree.archive()]), { rules })
  expect(fact).toMatchObject({ verdict: 'failed', reasons: [expect.stringContaining('config.json is no json')] })
  expect(JSON.stringify(await room.evidence(fact))).not.toContain('hunter2')
})

test('a parent that is gone fails the copy', async () => {
  using tree = openTree()
  writeFileSync(join(tree.root, 'file'), 'x')
  const full: Manifest = await seal([tree.archive()])
  const link = await seal([tree.archive()], { parent: full })
  for (const key of [...room.target.objects.keys()].filter((each) => each.includes(full.backupId)))
    room.target.objects.delete(key)
  const fact = await room.drill(link)
  expect(fact).toMatchObject({ verdict: 'failed', reasons: [expect.stringContaining('manifest')] })
})
