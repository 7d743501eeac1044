import { PolicySection } from '@lifeboat/config/lifeboat-config.ts'
import { expect, test } from 'vitest'
import { planDump } from './plan.ts'

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
