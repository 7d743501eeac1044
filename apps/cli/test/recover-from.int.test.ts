import { Secret } from '@lifeboat/shared/config/secret.ts'
import type { TargetId } from '@lifeboat/shared/domain/ids.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { openTarget, TARGET_KINDS } from '@lifeboat/storage/open-target.ts'
import { type Buckets, startBuckets } from '@lifeboat/testkit/buckets.ts'
import { startPostgres, type TestPostgres } from '@lifeboat/testkit/postgres.ts'
import { sealBackup } from '@lifeboat/testkit/seal-backup.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type BareHouse, openBareHouse } from './bare-house.ts'
import { cli } from './run-cli.ts'

let buckets: Buckets
let pg: TestPostgres
let house: BareHouse
beforeAll(async () => {
  ;[buckets, pg, house] = await Promise.all([startBuckets(), startPostgres(), openBareHouse()])
})
afterAll(async () => {
  await Promise.all([buckets, pg, house].map((each) => each?.[Symbol.asyncDispose]()))
})

const endpointOf = (kind: 's3' | 'gcs' | 'azure') => (buckets.yaml[kind] as { endpoint?: string }).endpoint ?? ''

/** Address and environment as each cloud's own tools know them. */
function address(kind: (typeof TARGET_KINDS)[number]): { from: string; env: Record<string, string> } {
  const { s3, gcs, azure, filesystem } = buckets.configs
  const { S3_ACCESS_KEY_ID = '', S3_SECRET_ACCESS_KEY = '', AZURE_ACCOUNT_KEY = '' } = buckets.env
  switch (kind) {
    case 's3':
      return {
        from: `s3://${s3.bucket}?region=${s3.region}&endpoint=${endpointOf('s3')}&path-style`,
        env: { AWS_ACCESS_KEY_ID: S3_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY: S3_SECRET_ACCESS_KEY },
      }
    case 'gcs':
      return { from: `gs://${gcs.bucket}?endpoint=${endpointOf('gcs')}`, env: {} }
    case 'azure':
      return {
        from: `azure://${azure.account}/${azure.container}?endpoint=${endpointOf('azure')}`,
        env: { AZURE_STORAGE_KEY: AZURE_ACCOUNT_KEY },
      }
    case 'filesystem':
      return { from: `file://${filesystem.path}`, env: {} }
  }
}

test.each(TARGET_KINDS)('a %s target is found by its address and the credentials of the environment', async (kind) => {
  const { from, env } = address(kind)
  const resolveSecret = (ref: string) => new Secret(buckets.env[ref.replace('env:', '')] ?? '')
  await using target = await openTarget(kind as TargetId, buckets.configs[kind], { resolveSecret, log: silentLogger })
  const { backupId } = await sealBackup({ pg, database: 'postgres', ...house, target, signer: house.agent })
  const { code, out, err } = await cli(house.folder, ['recover', '--from', from, '--json', ...house.signers], env)
  expect([code, err]).toEqual([0, ''])
  expect(JSON.parse(out)).toMatchObject({ signatures: 'checked', backups: [{ backupId, proven: false }] })
})

test('credentials in an address are refused before anybody sees them', async () => {
  const { code, err } = await cli(house.folder, ['recover', '--from', 's3://key:hunter2@bucket'])
  expect(code).toBe(2)
  expect(err).not.toContain('hunter2')
})

test('a folder that is no address, and a source nobody has there, are told with what was meant; neither looks like an empty bucket', async () => {
  const path = house.address.slice('file://'.length)
  const bare = await cli(house.folder, ['recover', '--from', path])
  expect([bare.code, bare.err]).toEqual([2, expect.stringContaining(`Did you mean ${house.address}?`)])
  await sealBackup({ pg, database: 'postgres', ...house, signer: house.agent })
  for (const command of [['recover'], ['key', 'prove', '--identity', house.identityFile]]) {
    const { code, out } = await cli(house.folder, [
      ...command,
      '--from',
      house.address,
      '--source',
      'recrods',
      '--json',
    ])
    expect(code).toBe(7)
    expect(JSON.parse(out)).toMatchObject({
      error: { code: 'RECOVERY_NOTHING_THERE', facts: { sourceId: 'recrods', sources: ['records'] } },
    })
  }
})
