import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { KvCatalog } from '@lifeboat/catalog/kv-catalog.ts'
import { BackupFailed } from '@lifeboat/shared/bus/messages/backup.ts'
import { PartSealed } from '@lifeboat/shared/bus/messages/part.ts'
import { startPostgres } from '@lifeboat/testkit/postgres.ts'
import { expect, test } from 'vitest'
import { openAgentHouse } from './agent-house.ts'
import { physicalChange, ROLES, taken } from './physical-house.ts'

test('a base of a cluster that was made anew under the same name is refused before a byte of it is written, and names the cluster that is kept', async () => {
  await using house = await openAgentHouse()
  const catalog = await KvCatalog.open(house.bus)
  const cfg = house.config(physicalChange('base', { database: 'postgres' }))
  await using agent = await house.agent(cfg)
  const kept = await taken(house, agent, 'base')
  await catalog.apply({ subject: 'backup.sealed', data: kept })
  const parts = await house.facts(PartSealed, ({ backupId }) => backupId === kept.backupId)
  expect(new Set(parts.map(({ systemIdentifier }) => systemIdentifier))).toEqual(
    new Set([kept.physical.systemIdentifier]),
  )
  // Servers of the testkit that were made alike are copies of one.
  await using anew = await startPostgres({ roles: ROLES, dataChecksums: true })
  const moved = house.config(physicalChange('base', { database: 'postgres', port: anew.port }))
  await using other = await house.agent(moved)
  const { runId } = await house.wish(moved, { kind: 'base' })
  const failed = await house.fact(BackupFailed, (fact) => fact.runId === runId)
  const [{ systemIdentifier }] = await anew.query(
    'postgres',
    'SELECT system_identifier::text AS "systemIdentifier" FROM pg_control_system()',
  )
  expect(failed).toMatchObject({
    willRetry: false,
    error: { code: 'BASE_FOREIGN', facts: { expected: kept.physical.systemIdentifier, systemIdentifier } },
  })
  expect(failed.error.hint).toContain('source name of its own')
  expect(await house.facts(PartSealed, ({ backupId }) => backupId === failed.backupId)).toEqual([])
  await expect.poll(() => readdir(join(other.deps.spool.path, 'backups'))).toEqual([])
  // The one that is kept goes on.
  expect((await taken(house, agent, 'base')).physical.systemIdentifier).toBe(kept.physical.systemIdentifier)
})
