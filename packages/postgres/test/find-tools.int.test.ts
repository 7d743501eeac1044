import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { findPostgresTools, findProgram } from '../src/tools/find-tools.ts'
import { hasZstd } from '../src/tools/pg-dump.ts'

let root: string
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'lifeboat-tools-'))
})
afterAll(() => rm(root, { recursive: true }))

/** A folder with programs that know nothing but their version. */
async function install(folder: string, version: string, tools = ['pg_dump', 'pg_dumpall']): Promise<string> {
  const dir = join(root, folder)
  await mkdir(dir, { recursive: true })
  for (const tool of tools)
    await writeFile(join(dir, tool), `#!/bin/sh\necho "${tool} (PostgreSQL) ${version}"\n`, { mode: 0o755 })
  return dir
}

async function searchOf(name: string, versions: readonly string[], more: { toolPaths?: string[]; path?: string } = {}) {
  for (const version of versions) await install(`${name}/${version.split('.')[0]}/bin`, version)
  const versioned = [{ root: join(root, name), pattern: /^\d+$/, bin: 'bin' }]
  return { toolPaths: [], path: '', versioned, ...more }
}
const needed = ['pg_dump', 'pg_dumpall']

test('of several versions the one of the server is taken, else the nearest newer', async () => {
  const search = await searchOf('several', ['15.9', '17.2', '18.0'])
  expect((await findPostgresTools(15, needed, search)).major).toBe(15)
  const nearest = await findPostgresTools(16, needed, search)
  expect(nearest.major).toBe(17)
  expect(await nearest.program('pg_dump')).toEqual({
    path: join(root, 'several/17/bin/pg_dump'),
    versionLine: 'pg_dump (PostgreSQL) 17.2',
  })
})

test('an older pg_dump cannot read a newer server, so the missing package is named', async () => {
  const search = await searchOf('older', ['15.9', '16.1'])
  const err = await findPostgresTools(17, needed, search).catch(LifeboatError.from)
  expect(err).toMatchObject({ code: 'TOOL_MISSING', facts: { package: 'postgresql-client-17' } })
})

test('a folder of the operator goes before the usual places, and one that lacks a tool is passed over', async () => {
  const own = await install('own', '16.4')
  const half = await install('half', '16.5', ['pg_dump'])
  const search = await searchOf('usual', ['16.1'], { toolPaths: [half, own] })
  expect((await (await findPostgresTools(16, needed, search)).program('pg_dump')).path).toBe(join(own, 'pg_dump'))
})

test('the PATH is looked at last', async () => {
  const onPath = await install('on-path', '18.1')
  expect((await findPostgresTools(18, needed, await searchOf('none', [], { path: onPath }))).major).toBe(18)
})

test('programs without a PostgreSQL version are found, or named with their package', async () => {
  expect((await findProgram('age', { toolPaths: [] })).versionLine).toMatch(/\d/)
  const err = await findProgram('age', { toolPaths: [], path: root }).catch(LifeboatError.from)
  expect(err).toMatchObject({ code: 'TOOL_MISSING', facts: { tool: 'age', package: 'age' } })
})

test('a pg_dump built without zstd is known by its own words', async () => {
  const dir = await install('without', '17.0')
  const refusing = join(dir, 'refusing')
  await writeFile(
    refusing,
    '#!/bin/sh\necho "pg_dump: error: this build does not support compression with ZSTD" >&2; exit 1\n',
    { mode: 0o755 },
  )
  expect(await hasZstd({ path: refusing, versionLine: '' })).toBe(false)
  const able = join(dir, 'able')
  await writeFile(
    able,
    '#!/bin/sh\necho "pg_dump: error: connection to server failed: No such file or directory" >&2; exit 1\n',
    { mode: 0o755 },
  )
  expect(await hasZstd({ path: able, versionLine: '' })).toBe(true)
})
