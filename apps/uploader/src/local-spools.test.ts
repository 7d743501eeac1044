import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { Secret } from '@lifeboat/shared/config/secret.ts'
import type { AgentId, BackupId, SourceId } from '@lifeboat/shared/domain/ids.ts'
import { bodyOf } from '@lifeboat/storage/conformance/target-case.ts'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { AgentSpools, SpoolFile } from './agent-spools.ts'
import { localFirst } from './local-spools.ts'

const signal = new AbortController().signal
const agentId = 'db1' as AgentId
const backupId = '20260926T020000Z-dump-k3f9qa' as BackupId
const part: SpoolFile = { agentId, backupId, name: 'db.dump.age.00000' }

let spool = ''
let folder = ''
beforeEach(async () => {
  spool = await mkdtemp(join(tmpdir(), 'lifeboat-local-'))
  folder = join(spool, 'backups', backupId)
  await mkdir(folder, { recursive: true })
})
afterEach(() => rm(spool, { recursive: true }))

const byHttp: AgentSpools = { open: async () => bodyOf(Buffer.from('by HTTP'))(), [Symbol.dispose]() {} }

async function readOf(at: SpoolFile, path: string | undefined = spool): Promise<string> {
  const access = { url: 'http://db1:7461', token: new Secret('t'), ...(path !== undefined && { spoolPath: path }) }
  const body = await localFirst(byHttp, new Map([[agentId, access]])).open(at, signal)
  return body === undefined ? 'nothing' : (await buffer(body)).toString()
}

test('a part that lies here is read without asking the agent, to its last byte', async () => {
  const bytes = 'x'.repeat(1_300_000)
  await writeFile(join(folder, part.name), bytes)
  expect(await readOf(part)).toBe(bytes)
})

test('WAL that lies here is read without asking the agent', async () => {
  const wal: SpoolFile = { agentId, walOf: 'records' as SourceId, name: '000000010000000000000003.0011.zst.age' }
  expect(await readOf(wal)).toBe('by HTTP')
  await mkdir(join(spool, 'wal', 'records'), { recursive: true })
  await writeFile(join(spool, 'wal', 'records', wal.name), 'WAL')
  expect(await readOf(wal)).toBe('WAL')
})

test('the agent is asked for what is not here, and when its spool is unknown', async () => {
  expect(await readOf(part)).toBe('by HTTP')
  await writeFile(join(folder, part.name), 'here')
  expect(await readOf(part, join(spool, 'elsewhere'))).toBe('by HTTP')
  expect(await readOf({ ...part, agentId: 'db2' as AgentId })).toBe('by HTTP')
})

test('an unfinished part, a link, a folder or a path is never read', async () => {
  await writeFile(join(folder, `${part.name}.partial`), 'half')
  await writeFile(join(spool, 'secret'), 'secret')
  await symlink(join(spool, 'secret'), join(folder, 'link.00000'))
  await mkdir(join(folder, 'folder.00000'))
  for (const name of [part.name, 'link.00000', 'folder.00000', '../../secret', '.secret'])
    expect(await readOf({ ...part, name })).toBe('by HTTP')
})

test('an abort breaks the stream', async () => {
  await writeFile(join(folder, part.name), 'x'.repeat(3_000_000))
  const stopping = new AbortController()
  const access = { url: 'http://db1:7461', token: new Secret('t'), spoolPath: spool }
  const body = await localFirst(byHttp, new Map([[agentId, access]])).open(part, stopping.signal)
  stopping.abort(new Error('stopped'))
  await expect(buffer(body ?? bodyOf(Buffer.alloc(0))())).rejects.toThrow('stopped')
})
