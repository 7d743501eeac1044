import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { ArtifactName } from '@lifeboat/shared/domain/ids.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Attempt } from '../src/attempt.ts'
import { partWriter } from '../src/spool/part-writer.ts'
import { openSpool, type Spool, type Spooled } from '../src/spool/spool.ts'

const attempt = Attempt.parse({
  ...{ backupId: '20260926T020000Z-dump-aaaaaa', runId: 'daily.records.20260926T020000Z', sourceId: 'records' },
  ...{ policyId: 'daily', agentId: 'agent', kind: 'dump', attempt: 1, startedAt: '2026-09-26T02:00:00.000Z' },
  ...{ targets: ['north'], requiredCopies: 1 },
})
const PART = 'db.dump.age.00000'

let path = ''
beforeEach(async () => {
  path = await mkdtemp(join(tmpdir(), 'lifeboat-spool-'))
})
afterEach(() => rm(path, { recursive: true }))

const open = () => openSpool({ path, maxBytes: 10_000, partBytes: 100, stalledAfterMs: 60_000 }, silentLogger)
const backupFolder = () => join(path, 'backups', attempt.backupId)

async function bytesOnDisk(): Promise<number> {
  const names = await readdir(backupFolder()).catch(() => [])
  const sizes = names.filter((name) => /\.\d{5}/.test(name)).map(async (name) => stat(join(backupFolder(), name)))
  return (await Promise.all(sizes)).reduce((sum, { size }) => sum + size, 0)
}

async function write(spool: Spool, to: Spooled, bytes: number, onPart = async () => {}): Promise<void> {
  const signal = new AbortController().signal
  const chunks = (async function* () {
    yield Buffer.alloc(bytes)
  })()
  await partWriter({ spool, to, artifact: 'db.dump.age' as ArtifactName, signal, onPart, wantsMd5: () => true })(chunks)
}

test.each([150, 200, 250, 500])(
  'when %i bytes cannot be announced, the room taken is what lies on the disk',
  async (bytes) => {
    await using spool = await open()
    const to = await spool.begin(attempt)
    const away = async () => Promise.reject(new Error('the bus is away'))
    await expect(write(spool, to, bytes, away)).rejects.toThrow('the bus is away')
    expect(await bytesOnDisk()).toBeGreaterThanOrEqual(100)
    expect(spool.room.used).toBe(await bytesOnDisk())
  },
)

test('a part that is released while its backup is given up leaves the room once', async () => {
  await using spool = await open()
  for (let round = 0; round < 20; round += 1) {
    const to = await spool.begin(attempt)
    await write(spool, to, 100)
    await Promise.all([spool.remove(to, PART), spool.drop(to), spool.remove(to, PART), spool.drop(to)])
    expect(spool.room.used).toBe(0)
  }
})

test('a release that was killed half-way is finished silently at the next start', async () => {
  {
    await using spool = await open()
    await write(spool, await spool.begin(attempt), 100)
    for (let no = 0; no < 3_000; no += 1) await writeFile(join(backupFolder(), `db.dump.age.${20_000 + no}`), 'x')
    await writeFile(join(backupFolder(), 'manifest.json'), '{}')
  }
  const script = `
    import { openSpool } from '${join(import.meta.dirname, '../src/spool/spool.ts')}'
    const log = { warn() {} }
    const spool = await openSpool({ path: '${path}', maxBytes: 10000, partBytes: 100, stalledAfterMs: 60000 }, log)
    process.stdout.write('releasing')
    await spool.drop(spool.all()[0])
    setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(child.stdout, 'data')
  const manifest = join(backupFolder(), 'manifest.json')
  // Watched without a pause: the moment between the first and the last file is short.
  for (const until = Date.now() + 240_000; existsSync(manifest) && Date.now() < until; await nextTurn());
  child.kill('SIGKILL')
  await once(child, 'exit')
  await using spool = await open()
  expect(spool.all()).toEqual([])
  expect(spool.room.used).toBe(0)
  expect(await readdir(join(path, 'backups'))).toEqual([])
})

test.each([
  ['a part', PART],
  ['a manifest', 'manifest.json'],
])('an agent refuses to start over %s whose attempt is not written down, and removes nothing', async (_title, name) => {
  await mkdir(backupFolder(), { recursive: true })
  await writeFile(join(backupFolder(), name), 'x')
  await expect(open()).rejects.toMatchObject({ code: 'SPOOL_UNREADABLE', facts: { path: backupFolder() } })
  expect(await readdir(backupFolder())).toEqual([name])
})

test.each(['attempt.json', PART])('a read error of %s is no absence: the agent refuses to start', async (name) => {
  {
    await using spool = await open()
    await write(spool, await spool.begin(attempt), 100)
    await writeFile(join(backupFolder(), 'manifest.json'), '{}')
  }
  await rm(join(backupFolder(), name))
  await symlink(name, join(backupFolder(), name))
  const facts = { path: join(backupFolder(), name), systemCode: 'ELOOP' }
  await expect(open()).rejects.toMatchObject({ code: 'SPOOL_UNREADABLE', facts })
  expect(await readdir(backupFolder())).toContain('manifest.json')
})

test('a manifest that cannot be read is not taken for an attempt without a seal', async () => {
  await using spool = await open()
  const to = await spool.begin(attempt)
  await symlink('manifest.json', join(backupFolder(), 'manifest.json'))
  await expect(spool.isSealed(to)).rejects.toMatchObject({ code: 'SPOOL_UNREADABLE' })
})

test('a folder whose agent died before the first line is swept', async () => {
  await mkdir(backupFolder(), { recursive: true })
  await writeFile(join(backupFolder(), 'attempt.json.partial'), '{')
  await using spool = await open()
  expect(spool.all()).toEqual([])
  expect(await readdir(join(path, 'backups'))).toEqual([])
})

test('a disk without room for what the spool wants to take refuses the attempt before it begins, with the numbers', async () => {
  await using spool = await openSpool({ path, maxBytes: 1e15, partBytes: 4e14, stalledAfterMs: 60_000 }, silentLogger)
  const facts = { path, neededBytes: 8e14, freeBytes: expect.any(Number) }
  await expect(spool.begin(attempt)).rejects.toMatchObject({ code: 'SPOOL_DISK_FULL', facts })
  expect(spool.all()).toEqual([])
  expect(await readdir(join(path, 'backups'))).toEqual([])
})
