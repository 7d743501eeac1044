import {
  chmodSync,
  chownSync,
  lstatSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Manifest } from '@lifeboat/shared/domain/manifest.ts'
import { isRoot } from '@lifeboat/testkit/conditions.ts'
import { type SealFilesOptions, sealFiles } from '@lifeboat/testkit/seal-files.ts'
import { openTree } from '@lifeboat/testkit/tree.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type BareHouse, openBareHouse, writeStrangersIdentity } from './bare-house.ts'

/** tar's memory knows seconds. */
const nextSecond = () => sleep(1_100)

let house: BareHouse
let tree: ReturnType<typeof openTree>
/** Full, one built on it, and one that nobody has proven. */
let [full, changed, unproven]: Manifest[] = []
beforeAll(async () => {
  house = await openBareHouse()
  tree = openTree()
  const path = (name: string) => join(tree.root, name)
  writeFileSync(path('index.js'), 'release 4.0', { mode: 0o640 })
  writeFileSync(path('gone.js'), 'removed in 4.1')
  writeFileSync(path('lib.js'), 'the same')
  symlinkSync('index.js', path('main.js'))
  chmodSync(path('lib.js'), 0o4755)
  if (isRoot) chownSync(path('index.js'), 1234, 4321)
  full = await proven({ archives: [tree.archive()] })
  await nextSecond()
  writeFileSync(path('index.js'), 'release 4.1')
  rmSync(path('gone.js'))
  changed = await proven({ archives: [tree.archive()], parent: full })
  await nextSecond()
  writeFileSync(path('index.js'), 'release 4.2')
  unproven = await seal({ archives: [tree.archive()], parent: changed })
})
afterAll(async () => {
  tree?.[Symbol.dispose]()
  await house?.[Symbol.asyncDispose]()
})

test('a tree comes back out of a bucket alone: what is proven last, with modes, owners and links, without what was removed', async () => {
  const listed = await house.recover(['--json'])
  expect(JSON.parse(listed.out).backups.at(-1)).toMatchObject({ kind: 'files', sourceId: 'code', root: '/opt/app' })
  const folder = join(house.folder, 'tree')
  const planned = await house.recover(['--to', folder, '--dry-run'])
  expect([planned.code, planned.err, await house.names(folder)]).toEqual([0, expect.any(String), []])
  for (const told of [/^what +files of code, which lay below \/opt\/app$/m, /^ +then /m, /^disk /m, /^lost .*written/m])
    expect(planned.out).toMatch(told)
  expect(planned.out).toContain(`not proven, so passed over: ${unproven?.backupId}`)

  const { code, err, out } = await house.recover(['--to', folder, '--source', 'code', '--json'])
  expect([code, err]).toEqual([0, ''])
  const chain = [full, changed].map((each) => ({ backupId: each?.backupId }))
  expect(JSON.parse(out)).toMatchObject({
    plan: { kind: 'files', root: '/opt/app', backups: chain, loss: { until: changed?.snapshotAt }, obstacles: [] },
    result: { folder, compared: { files: 4 } },
  })
  expect((await house.names(folder)).sort()).toEqual(['index.js', 'lib.js', 'main.js'])
  expect(read(folder, 'index.js')).toBe('release 4.1')
  expect(readlinkSync(join(folder, 'main.js'))).toBe('index.js')
  expect(lstatSync(join(folder, 'lib.js')).mode & 0o7777).toBe(0o4755)
  const { uid, gid, mode } = lstatSync(join(folder, 'index.js'))
  expect([uid, gid, mode & 0o777]).toEqual([
    ...(isRoot ? [1234, 4321] : [process.getuid?.(), process.getgid?.()]),
    0o640,
  ])
})

test('it comes back as of a time, as it was at a backup, and as nobody has proven it when told so', async () => {
  const back = async (name: string, ...more: string[]) => {
    const folder = join(house.folder, name)
    const { code, out, err } = await house.recover(['--to', folder, ...more])
    expect([code, err]).toEqual([0, expect.any(String)])
    expect(out).toContain(`The tree is back below ${folder}`)
    return read(folder, 'index.js')
  }
  expect(await back('then', '--source', 'code', '--until', String(full?.snapshotAt))).toBe('release 4.0')
  expect(await back('first', '--backup', String(full?.backupId))).toBe('release 4.0')
  expect(await back('last', '--unproven')).toBe('release 4.2')
})

test('what a tree has no use for, a place that is taken and a key that does not fit are said before anything is made', async () => {
  const folder = join(house.folder, 'nothing')
  for (const option of [['--start'], ['--port', '5433'], ['--dump'], ['--pause'], ['--timeline', '1']]) {
    const { code, err } = await house.recover(['--source', 'code', '--to', folder, ...option])
    expect([code, err]).toEqual([2, expect.stringContaining(`takes no ${option[0]}`)])
  }
  const taken = await house.recover(['--source', 'code', '--to', tree.root])
  expect([taken.code, taken.err]).toEqual([7, expect.stringContaining('RECOVERY_PLACE_TAKEN')])
  const identity = await writeStrangersIdentity(house.folder)
  const stranger = await house.recover(['--source', 'code', '--to', folder], { identity })
  expect([stranger.code, stranger.err]).toEqual([7, expect.stringContaining('ARTIFACT_KEY_WRONG')])
  expect(await house.names(folder)).toEqual([])
})

test('a tree that is not what was archived, or lacks what it is built on, does not come back and leaves nothing', async () => {
  await using lying = await openBareHouse()
  const folder = join(lying.folder, 'tree')
  using other = openTree()
  writeFileSync(join(other.root, 'index.js'), 'works')
  const spoilList = (list: string) => list.replace(/"sha256":"..../, '"sha256":"0000')
  await lying.drilled(await sealFiles({ ...lying, signer: lying.agent, archives: [other.archive()], spoilList }))
  const unlike = await lying.recover(['--to', folder])
  expect([unlike.code, unlike.err]).toEqual([
    7,
    expect.stringMatching(/RECOVERY_UNLIKE[\s\S]*index\.js: has other contents/),
  ])
  expect(await lying.names(folder)).toEqual([])

  await using lacking = await openBareHouse()
  await lacking.drilled(
    await sealFiles({ ...lacking, signer: lacking.agent, archives: [other.archive()], parent: full as Manifest }),
  )
  const orphan = await lacking.recover(['--to', folder])
  expect([orphan.code, orphan.err]).toEqual([7, expect.stringContaining('RECOVERY_PARENT_MISSING')])
})

function read(folder: string, name: string): string {
  return readFileSync(join(folder, name), 'utf8')
}

function seal(opts: Pick<SealFilesOptions, 'archives'> & { parent?: Manifest | undefined }): Promise<Manifest> {
  const { archives, parent } = opts
  const { target, recipient, agent: signer } = house
  return sealFiles({ target, recipient, signer, archives, ...(parent && { parent }) })
}

async function proven(opts: Parameters<typeof seal>[0]): Promise<Manifest> {
  const manifest = await seal(opts)
  await house.drilled(manifest)
  return manifest
}
