import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { isRoot, orNotRun } from '@lifeboat/testkit/conditions.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type AgentHouse, openAgentHouse } from './agent-house.ts'
import { described, fakeTar, openFilesHouse } from './files-house.ts'

let house: AgentHouse
beforeAll(async () => {
  house = await openAgentHouse()
})
afterAll(() => house[Symbol.asyncDispose]())

const asRoot = orNotRun(isRoot, 'mounts in a tree and files that cannot be read', 'root')

test('names with newlines and bytes that are no UTF-8, loops, a fifo, a hard-link forest: all come back', async () => {
  await using files = await openFilesHouse(house)
  const { root } = files
  const odd = (name: string) => Buffer.concat([Buffer.from(`${root}/`), Buffer.from(name, 'latin1')])
  for (const name of ['new\nline', 'bad\xff\xfebytes', ' spaces ', '-dash', 'q"uo\'te', 'back\\slash', 'Größe'])
    writeFileSync(odd(name), name)
  mkdirSync(odd('folder \xf0\n'))
  writeFileSync(odd('folder \xf0\n/inner'), 'inner')
  symlinkSync('.', join(root, 'loop'))
  symlinkSync('second', join(root, 'first'))
  symlinkSync('first', join(root, 'second'))
  execFileSync('mkfifo', [join(root, 'fifo')])
  mkdirSync(join(root, 'forest'))
  writeFileSync(join(root, 'forest/tree'), 'trunk')
  for (let i = 0; i < 1_000; i++) linkSync(join(root, 'forest/tree'), join(root, `forest/leaf-${i}`))
  const before = described(root)
  const sealed = await files.backup()
  expect(sealed.files.notices.unreadable).toBeUndefined()
  expect(sealed.lines.find(({ nameBase64 }) => nameBase64 !== undefined)).toBeDefined()
  expect(described(await files.recover(sealed))).toBe(before)
})

test('a socket is told and left, and the rest is whole', async () => {
  await using files = await openFilesHouse(house)
  writeFileSync(join(files.root, 'file'), 'x')
  const server = createServer().listen(join(files.root, 'socket'))
  await new Promise((resolve) => server.once('listening', resolve))
  const sealed = await files.backup()
  expect(sealed.files.notices).toEqual({ special: { count: 1, paths: ['./socket'] } })
  expect(sealed.lines).toContainEqual({ name: './socket', left: 'special' })
  server.close()
})

test('a sparse file of 4 GB stays small, in the backup and when it comes back', async () => {
  await using files = await openFilesHouse(house)
  const path = join(files.root, 'sparse')
  writeFileSync(path, 'begin')
  truncateSync(path, 4 * 1024 ** 3)
  const sealed = await files.backup()
  expect(sealed.manifest.artifacts.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThan(20_000)
  expect(sealed.files.bytes).toBe(4 * 1024 ** 3)
  const back = statSync(join(await files.recover(sealed), 'sparse'))
  expect(back.size).toBe(4 * 1024 ** 3)
  expect(back.blocks).toBeLessThan(1000)
})

test('an empty tree is a backup too', async () => {
  await using files = await openFilesHouse(house)
  const sealed = await files.backup()
  expect(sealed.files).toMatchObject({ files: 0, folders: 1, bytes: 0 })
  expect(existsSync(await files.recover(sealed))).toBe(true)
})

test('a root that does not exist fails the backup and says which', async () => {
  await using files = await openFilesHouse(house, { source: { root: '/nowhere/at/all' } })
  expect(await files.failure()).toMatchObject({ code: 'FILES_ROOT_MISSING' })
})

test('an include that fits nothing fails the backup instead of making an empty one', async () => {
  await using files = await openFilesHouse(house, { source: { include: ['confg'] } })
  expect(await files.failure()).toMatchObject({ code: 'FILES_NOTHING_INCLUDED' })
})

test('include and exclude decide what is taken', async () => {
  await using files = await openFilesHouse(house, {
    source: { include: ['app', '*.json', 'log/*.log'], exclude: ['node_modules', '*.tmp', 'app/cache/*', 'app/k?y'] },
  })
  const { root } = files
  for (const folder of ['app/cache/deep', 'app/node_modules', 'other', 'log'])
    mkdirSync(join(root, folder), { recursive: true })
  const names = ['app/a', 'app/x.tmp', 'app/cache/c', 'app/cache/deep/d', 'app/node_modules/m', 'app/key', 'other/o']
  for (const name of [...names, 'package.json', 'log/a.log', 'log/b.txt']) writeFileSync(join(root, name), name)
  const { lines } = await files.backup()
  const taken = lines.filter(({ type }) => type === 'file').map(({ name }) => name)
  expect(taken.sort()).toEqual(['./app/a', './log/a.log', './package.json'])
})

test('files beyond the size cap are left out and told, and no other with a name alike', async () => {
  await using files = await openFilesHouse(house, { source: { maxFileBytes: '1kB' } })
  const large = ['big [1]*', 'ends in a space ', 'new\nline', 'back\\slash']
  for (const name of large) writeFileSync(join(files.root, name), 'x'.repeat(2_000))
  const small = ['big 1', 'big [1]', 'ends in a space', 'new line', 'newline', 'backslash', 'big [1]*more']
  for (const name of small) writeFileSync(join(files.root, name), 'x')
  const { files: facts, lines } = await files.backup()
  const taken = lines.filter(({ type }) => type === 'file').map(({ name }) => String(name))
  expect(taken.sort()).toEqual(small.map((name) => `./${name}`).sort())
  expect(facts.notices['too-large']?.count).toBe(4)
})

test.runIf(asRoot)('a mount inside the tree is left out and told; asked for, it is taken', async () => {
  await using files = await openFilesHouse(house)
  await using all = await openFilesHouse(house, { source: { oneFilesystem: false } })
  for (const each of [files, all]) {
    const mount = join(each.root, 'mount')
    mkdirSync(mount)
    execFileSync('mount', ['-t', 'tmpfs', 'none', mount])
    try {
      writeFileSync(join(mount, 'inside'), 'x')
      const { files: facts, lines } = await each.backup()
      const inside = lines.some(({ name }) => name === './mount/inside')
      expect([inside, facts.notices['other-filesystem']?.count]).toEqual(each === all ? [true, undefined] : [false, 1])
    } finally {
      execFileSync('umount', [mount])
    }
  }
})

/** tar as an account that may read only what its mode lets it, though it is root. */
const HUMBLE = 'exec setpriv --bounding-set=-dac_override,-dac_read_search /usr/bin/tar "$@"'

test.runIf(asRoot)('an unreadable file is told, and the next backup is full to try it again', async () => {
  await using files = await openFilesHouse(house, { toolPaths: [fakeTar(house.folder, HUMBLE)] })
  writeFileSync(join(files.root, 'open'), 'x')
  writeFileSync(join(files.root, 'locked'), 'y', { mode: 0o000 })
  execFileSync('chown', ['nobody', join(files.root, 'locked')])
  const first = await files.backup()
  expect(first.files.notices.unreadable).toEqual({ count: 1, paths: ['./locked'] })
  expect(readFileSync(join(files.agent.deps.spool.path, 'backups', first.backupId, 'RECOVER.md'), 'utf8')).toContain(
    "unreadable: './locked'",
  )
  await files.noteSealed(first)
  chmodSync(join(files.root, 'locked'), 0o644)
  const second = await files.backup()
  expect(second.files).toMatchObject({ chain: 0, fullBecause: expect.stringContaining('could not be read') })
  expect(second.files.notices.unreadable).toBeUndefined()
  expect(second.files.files).toBe(2)
})

test.runIf(asRoot)('an unreadable file fails the backup of a source that says so', async () => {
  const toolPaths = [fakeTar(house.folder, HUMBLE)]
  await using files = await openFilesHouse(house, { toolPaths, source: { unreadable: 'fail' } })
  writeFileSync(join(files.root, 'locked'), 'y', { mode: 0o000 })
  execFileSync('chown', ['nobody', join(files.root, 'locked')])
  expect(await files.failure()).toMatchObject({ code: 'FILES_UNREADABLE' })
})

/** tar that runs a script once, in the middle of its reading. */
const meanwhile = (script: string) =>
  `marker="$0.ran"; export marker
   exec /usr/bin/tar --checkpoint=5 --checkpoint-action=exec='[ -e "$marker" ] || { : > "$marker"; ${script}; }' "$@"`

test('files that vanish and grow while they are read are told and not fatal', async () => {
  const script = 'cd "$TREE" && rm b1 b2 b3 b4 && echo more >> a1 && echo more >> a2'
  await using files = await openFilesHouse(house, { meanwhile: (root) => meanwhile(script.replace('"$TREE"', root)) })
  for (const name of ['a1', 'a2', 'b1', 'b2', 'b3', 'b4'])
    writeFileSync(join(files.root, name), Buffer.alloc(2_000_000, name))
  const { files: facts, lines } = await files.backup()
  const told = (facts.notices.vanished?.count ?? 0) + (facts.notices.changed?.count ?? 0)
  expect(told).toBeGreaterThanOrEqual(4)
  const left = lines.filter((line) => 'left' in line)
  expect(left.length).toBe(facts.notices.vanished?.count ?? 0)
  expect(lines.some(({ name }) => name === './a1')).toBe(true)
})

const rotations: readonly [string, string][] = [
  ['renamed', 'mv app.log.1 app.log.2; mv app.log app.log.1; echo fresh > app.log'],
  ['copied and cut', 'cp app.log app.log.1; : > app.log; echo fresh >> app.log'],
  ['compressed', 'gzip app.log.1; mv app.log app.log.0; echo fresh > app.log'],
]
for (const [how, script] of rotations)
  test(`a log that is ${how} while it is read is neither lost nor doubled`, async () => {
    await using files = await openFilesHouse(house, {
      source: { rotating: true },
      meanwhile: (root) => meanwhile(`cd ${root} && { ${script}; }`),
    })
    writeFileSync(join(files.root, 'app.log'), 'new line\n'.repeat(300_000))
    writeFileSync(join(files.root, 'app.log.1'), 'old line\n'.repeat(300_000))
    const sealed = await files.backup()
    expect(sealed.files.passes).toBe(2)
    expect(described(await files.recover(sealed))).toBe(described(files.root))
  })

test('a chain: what changed, what went, what was renamed; full again when it is long enough', async () => {
  await using files = await openFilesHouse(house, { policy: { files: { maxChain: 2 } } })
  const { root } = files
  const pause = () => new Promise((resolve) => setTimeout(resolve, 1_100))
  mkdirSync(join(root, 'etc/deep'), { recursive: true })
  for (const name of ['etc/a', 'etc/deep/b', 'gone']) writeFileSync(join(root, name), name)
  const full = await files.backup()
  expect(full.files).toMatchObject({ chain: 0, fullBecause: expect.any(String) })
  await pause()
  await files.noteSealed(full)
  rmSync(join(root, 'gone'))
  writeFileSync(join(root, 'etc/a'), 'changed')
  execFileSync('mv', [join(root, 'etc/deep'), join(root, 'moved')])
  const second = await files.backup()
  expect(second.files).toMatchObject({ chain: 1, parent: full.backupId })
  expect(described(await files.recover(second))).toBe(described(root))
  await pause()
  await files.noteSealed(second)
  writeFileSync(join(root, 'third'), 'third')
  const third = await files.backup()
  expect(third.files).toMatchObject({ chain: 2, parent: second.backupId, files: 1 })
  expect(described(await files.recover(third))).toBe(described(root))
  await files.noteSealed(third)
  const fourth = await files.backup()
  expect(fourth.files).toMatchObject({ chain: 0, fullBecause: expect.stringContaining('2 incrementals in a row') })
})
