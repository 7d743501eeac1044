import { SOURCE } from '@lifeboat/testkit/world/config.ts'
import { runLifeboat } from '@lifeboat/testkit/world/processes.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { CLOUDS, type Cloud, cloudSettings } from './support/cloud-settings.ts'
import { openRestoreWorld, type RestoreWorld } from './support/restore-world.ts'

let at: RestoreWorld
beforeAll(async () => {
  at = await openRestoreWorld({ targets: CLOUDS })
})
afterAll(() => at?.[Symbol.asyncDispose]())

test.each(Object.keys(CLOUDS) as Cloud[])(
  'lost rows come back out of %s: in their place on a signed command, and beside with nothing but the address of the bucket',
  async (cloud) => {
    const { world, backupId, identityFile } = at
    await at.lose()
    const { code, stderr } = await at.run(['--backup', backupId, '--target', cloud, '--unproven'])
    expect([code, stderr, await at.visits()]).toEqual([0, '', 100])

    const { host, port, user, password } = world.source.postgres
    const { address, env } = await addressOf(cloud)
    const server = ['--server', `postgres://${user}@${host}:${port}/postgres`, '--as', `out_of_${cloud}`]
    const trusted = Object.entries(world.config.signers).flatMap(([name, key]) => ['--signer', `${name}=${key}`])
    const recovered = await runLifeboat(
      [
        ...['recover', '--from', address, '--identity', identityFile, '--source', SOURCE, '--dump', '--unproven'],
        ...server,
        ...trusted,
      ],
      { configPath: '/nowhere/lifeboat.yaml', env: { ...env, PGPASSWORD: password } },
    )
    expect(recovered.code, recovered.stderr).toBe(0)
    const rows = await world.source.postgres.query(`out_of_${cloud}`, 'select count(*)::int as rows from visit')
    expect(rows).toEqual([{ rows: 100 }])
  },
)

/** As somebody would type it who has lost everything else. */
async function addressOf(cloud: Cloud): Promise<{ address: string; env: Record<string, string> }> {
  const {
    secret,
    settings: { bucket, region, endpoint = '', account, container },
  } = cloudSettings(at.world, cloud)
  const server = `endpoint=${encodeURIComponent(endpoint)}`
  switch (cloud) {
    case 'aws':
      return {
        address: `s3://${bucket}?region=${region}&${server}&path-style`,
        env: { AWS_ACCESS_KEY_ID: await secret('accessKeyId'), AWS_SECRET_ACCESS_KEY: await secret('secretAccessKey') },
      }
    case 'google':
      return { address: `gs://${bucket}?${server}`, env: {} }
    case 'azure':
      return {
        address: `azure://${account}/${container}?${server}`,
        env: { AZURE_STORAGE_KEY: await secret('accountKey') },
      }
  }
}
