import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findProgram } from '@lifeboat/postgres/tools/find-tools.ts'
import type { Manifest } from '@lifeboat/shared/domain/manifest.ts'
import { startPostgres, type TestPostgres } from '@lifeboat/testkit/postgres.ts'
import { sealBackup } from '@lifeboat/testkit/seal-backup.ts'
import { sealBase } from '@lifeboat/testkit/seal-base.ts'
import { sealFiles } from '@lifeboat/testkit/seal-files.ts'
import { sealTables } from '@lifeboat/testkit/seal-tables.ts'
import { sealWal } from '@lifeboat/testkit/seal-wal.ts'
import { openTree } from '@lifeboat/testkit/tree.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type DrillMore, type DrillRoom, openDrillRoom } from './drill-room.ts'
import { makeRecords } from './records.ts'

let pg: TestPostgres
let room: DrillRoom
let folder: string
beforeAll(async () => {
  pg = await startPostgres({ settings: { wal_keep_size: '1GB' } })
  room = await openDrillRoom()
  await makeRecords(pg)
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-stock-'))
  const { path } = await findProgram('age', { toolPaths: [] })
  const script = `#!/bin/sh\ncase "$*" in *--decrypt*) echo >> ${folder}/opened;; esac\nexec ${path} "$@"\n`
  await writeFile(join(folder, 'age'), script, { mode: 0o755 })
})
afterAll(async () => {
  await room?.[Symbol.asyncDispose]()
  await pg?.[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

/** @returns how often the age program was asked to open something, in a drill that proved its copy */
async function openedIn(manifest: Manifest, wish: DrillMore['wish'] = {}): Promise<number> {
  await writeFile(join(folder, 'opened'), '')
  const fact = await room.drill(manifest, { rules: { amcheck: false }, deps: { toolPaths: [folder] }, wish })
  expect(fact).toMatchObject({ verdict: 'proven', reasons: [] })
  expect((await room.evidence(fact)).tools.age).toBeTruthy()
  return (await readFile(join(folder, 'opened'), 'utf8')).length
}

const to = () => ({ pg, database: 'records', target: room.target, recipient: room.recipient, signer: room.agent })

test('what the agent encrypted by itself stock software opens: all of a dump', async () => {
  const manifest = await sealBackup(to())
  expect(await openedIn(manifest)).toBe(manifest.artifacts.length)
})

test('all of a table export', async () => {
  const manifest = await sealTables({ ...to(), list: ['patient', 'observation'] })
  expect(await openedIn(manifest)).toBe(manifest.artifacts.length)
})

test('all of a backup of files, its list once more before the archive is fetched', async () => {
  using tree = openTree()
  await writeFile(join(tree.root, 'file'), 'contents')
  const manifest = await sealFiles({ ...to(), archives: [tree.archive()] })
  expect(await openedIn(manifest)).toBe(manifest.artifacts.length + 1)
})

test('all of a base, its list once more before, and each object of WAL behind it', async () => {
  const { manifest } = await sealBase({ ...to(), config: Buffer.from('an archive') })
  const ofBase = manifest.artifacts.length + 1
  expect(await openedIn(manifest)).toBe(ofBase)
  await pg.query('records', 'create table later (); select pg_switch_wal()')
  await sealWal(to())
  expect(await openedIn(manifest, { recoverTo: 'latest' })).toBeGreaterThan(ofBase)
})
