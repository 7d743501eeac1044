import { PolicySection } from '@lifeboat/config/schema/policy.ts'
import type { BackupId } from '@lifeboat/shared/domain/ids.ts'
import { expect, test } from 'vitest'
import type { PhysicalRecord } from './physical/choose-parent.ts'
import { planBase, planDump } from './plan.ts'

const policy = PolicySection.parse({
  ...{ sources: ['records'], kind: 'dump', schedule: { cron: '0 2 * * *' }, targets: ['north'] },
  ...{ compressionLevel: 5, lockTimeout: '90s', fingerprint: { hashTablesUpTo: '1GB' } },
})

test.each([
  [{ pgDumpMajor: 15, pgDumpHasZstd: false }, 'program', 'db.dump.zst.age'],
  [{ pgDumpMajor: 16, pgDumpHasZstd: true }, 'inside', 'db.dump.age'],
  [{ pgDumpMajor: 17, pgDumpHasZstd: false }, 'program', 'db.dump.zst.age'],
])('pg_dump compresses by itself only where it can (%o)', (facts, where, database) => {
  const plan = planDump({ rolePasswords: true }, policy, facts)
  expect(plan.compression).toEqual({ where, level: 5 })
  expect(plan.artifacts).toEqual({ database, globals: 'globals.sql.zst.age', fingerprint: 'fingerprint.json.zst.age' })
})

test('what the policy and the source say is what the plan says', () => {
  expect(planDump({ rolePasswords: false }, policy, { pgDumpMajor: 15, pgDumpHasZstd: false })).toMatchObject({
    ...{ rolePasswords: false, lockTimeoutMs: 90_000, hashTablesUpToBytes: 1e9 },
  })
})

const basePolicy = (base: object) =>
  PolicySection.parse({
    ...{ sources: ['records'], kind: 'base', schedule: { cron: '0 2 * * 0' }, targets: ['north'], base },
  })

test('a base is compressed by the server as its policy says, and its artifacts have plain names', () => {
  const plan = planBase(basePolicy({ compressionLevel: 3, workers: 4, checkpoint: 'spread' }), undefined)
  expect(plan).toMatchObject({ compression: { level: 3, workers: 4 }, checkpoint: 'spread', chain: [] })
  expect(plan).not.toHaveProperty('maxBytesPerSecond')
  const { tablespace, ...names } = plan.artifacts
  expect({ ...names, tablespace: tablespace('16400') }).toEqual({
    ...{ base: 'base.tar.zst.age', tablespace: 'tablespace-16400.tar.zst.age' },
    ...{ backupManifest: 'backup_manifest.zst.age', configFiles: 'config.tar.zst.age' },
    relations: 'relations.json.zst.age',
  })
})

test.each([
  ['20MiB', 20 * 1024 ** 2],
  ['1kB', 1000],
  ['5GiB', 5 * 1024 ** 3],
])('a rate of %s a second is what the server reads, however small or great', (maxRate, bytes) => {
  expect(planBase(basePolicy({ maxRate }), undefined).maxBytesPerSecond).toBe(bytes)
})

test('the choice of a parent is part of the plan, and so is why there is none', () => {
  const [full, first] = ['20261101T000000Z-base-aaaaaa', '20261102T000000Z-incremental-bbbbbb'] as BackupId[]
  const parent = { backupId: first } as PhysicalRecord
  const chain = [full as BackupId, first as BackupId]
  expect(planBase(basePolicy({}), { parent, chain })).toMatchObject({ parent: first, chain })
  const forced = planBase(basePolicy({}), { fullBecause: 'the timeline changed' })
  expect(forced).toMatchObject({ chain: [], fullBecause: 'the timeline changed' })
  expect(forced).not.toHaveProperty('parent')
})
