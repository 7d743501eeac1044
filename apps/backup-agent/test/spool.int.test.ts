import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
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
  await partWriter({ spool, to, artifact: 'db.dump.age' as ArtifactName, signal, onPart })(chunks)
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
