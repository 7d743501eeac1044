import { installHardDatabase } from '@lifeboat/testkit/hard-database/install.ts'
import { startPostgres } from '@lifeboat/testkit/postgres.ts'
import { sealBackup } from '@lifeboat/testkit/seal-backup.ts'
import { expect, test } from 'vitest'
import { openDrillRoom } from './drill-room.ts'

test('the hard database is proven, and the evidence tells what was asked and measured', async () => {
  await using room = await openDrillRoom()
  const { target, agent: signer, recipient } = room
  const manifest = await (async () => {
    await using pg = await startPostgres()
    const database = await installHardDatabase(pg, { toast: false })
    return await sealBackup({ pg, database, target, recipient, signer })
  })()
  const assertions = [
    { name: 'there are wards', sql: 'select count(*) from clinic.ward', expect: { atLeast: 2 } },
    { name: 'the motto', sql: `select current_setting('clinic.motto')`, expect: { equals: `prä'zise` } },
  ]
  const fact = await room.drill(manifest, { rules: { assertions } })
  expect(fact).toMatchObject({ verdict: 'proven', reasons: [] })
  const evidence = await room.evidence(fact)
  expect(evidence.checks.map(({ check, answer }) => `${check} ${answer}`)).toEqual([
    'manifest passed',
    'digests passed',
    'digests passed',
    'decrypt passed',
    'globals passed',
    'restore passed',
    'fingerprint passed',
    'constraints passed',
    'assertion passed',
    'assertion passed',
    'amcheck passed',
  ])
  expect(evidence.bytesFetched).toBeGreaterThan(manifest.artifacts.reduce((sum, { bytes }) => sum + bytes, 0))
  expect(Object.keys(evidence.phases)).toEqual(['download', 'fetch', 'boot', 'restore', 'check'])
  expect(evidence.recoveryMs).toBeGreaterThan(0)
  expect(Object.keys(evidence.tools).sort()).toEqual(['age', 'pg_restore', 'postgres', 'psql', 'zstd'])
  expect(room.progress.length).toBeGreaterThan(0)
  expect(await room.leftovers()).toEqual([])
})
