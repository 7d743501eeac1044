import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, linkSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { orNotRun } from '@lifeboat/testkit/conditions.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type AgentHouse, openAgentHouse } from './agent-house.ts'
import { described, openFilesHouse } from './files-house.ts'

let house: AgentHouse
beforeAll(async () => {
  house = await openAgentHouse()
})
afterAll(() => house[Symbol.asyncDispose]())

test('a tree comes back by RECOVER.md alone, with owners, modes and links', async () => {
  await using files = await openFilesHouse(house)
  const { root } = files
  mkdirSync(join(root, 'src/deep'), { recursive: true })
  writeFileSync(join(root, 'src/index.js'), 'console.log(1)\n', { mode: 0o640 })
  writeFileSync(join(root, 'src/deep/run.sh'), '#!/bin/sh\n', { mode: 0o755 })
  writeFileSync(join(root, '.env'), 'PASSWORD=x\n', { mode: 0o644 })
  symlinkSync('src/index.js', join(root, 'main.js'))
  linkSync(join(root, 'src/index.js'), join(root, 'src/same.js'))
  chmodSync(join(root, 'src/deep'), 0o750)
  const before = described(root)
  const sealed = await files.backup()
  expect(sealed.manifest).toMatchObject({ kind: 'files', summary: { tables: null, rows: null } })
  expect(sealed.manifest.server).toBeUndefined()
  expect(sealed.files).toMatchObject({ root, files: 3, folders: 3, links: 2, chain: 0, passes: 1 })
  expect(sealed.files.notices['exposed-secret']).toEqual({ count: 1, paths: ['./.env'] })
  const sha256 = createHash('sha256').update('console.log(1)\n').digest('hex')
  const indexJs = sealed.lines.filter(({ name }) => String(name).startsWith('./src/') && String(name).endsWith('.js'))
  expect(indexJs).toContainEqual(expect.objectContaining({ type: 'file', sha256, mode: 0o640, bytes: 15 }))
  expect(described(await files.recover(sealed))).toBe(before)
})

const isLinux = orNotRun(process.platform === 'linux', 'extended attributes and access control lists', 'Linux')
test.runIf(isLinux)('extended attributes and access control lists come back by RECOVER.md', async () => {
  await using files = await openFilesHouse(house)
  mkdirSync(join(files.root, 'folder'))
  writeFileSync(join(files.root, 'folder/file'), 'x')
  const set = (path: string, name: string, value: string) =>
    execFileSync('setfattr', ['-n', name, '-v', value, join(files.root, path)])
  set('folder/file', 'user.note', 'kept')
  // `rw` for the owner, `r` for user 1 besides, as the kernel keeps it.
  const list = '0x0200000001000600ffffffff020004000100000004000400ffffffff10000600ffffffff20000400ffffffff'
  set('folder/file', 'system.posix_acl_access', list)
  set('folder', 'system.posix_acl_default', list)
  const attributes = (root: string) =>
    execFileSync('getfattr', ['-R', '-d', '-m', '-', '-e', 'hex', '.'], { cwd: root, encoding: 'utf8' })
  const before = attributes(files.root)
  expect(before.match(/posix_acl/g)).toHaveLength(2)
  expect(attributes(await files.recover(await files.backup()))).toBe(before)
})
