import { Secret } from '@lifeboat/shared/config/secret.ts'
import type { TargetId } from '@lifeboat/shared/domain/ids.ts'
import { startFaultProxy } from '@lifeboat/testkit/fault-proxy.ts'
import { type GcsServer, startGcsServer } from '@lifeboat/testkit/gcs-server.ts'
import { describe, expect, it } from 'vitest'
import { describeTarget } from '../src/conformance/describe-target.ts'
import { bodyOf, optionsFor, putBytes, rejectsWith, someBytes } from '../src/conformance/target-case.ts'
import { openGcs } from '../src/gcs.ts'
import { GcsConfig } from '../src/target-config.ts'
import { allLayers } from './all-layers.ts'
import { describeFaults } from './describe-faults.ts'

const { signal } = new AbortController()
const noSecrets = { resolveSecret: () => Promise.reject(new Error('no secrets here')) }

for (const layered of [false, true])
  describeTarget(layered ? 'gcs under all layers' : 'gcs', async () => {
    const server = await startGcsServer({ buckets: ['backups'] })
    const target = await open(server)
    return {
      target: layered ? allLayers(target) : target,
      lock: async (key) => server.hold('backups', `fleet/${key}`, true),
      [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
    }
  })

describeFaults('gcs', { method: 'POST', path: /^\/upload\// }, async () => {
  const server = await startGcsServer({ buckets: ['backups'] })
  const proxy = await startFaultProxy(server.endpoint)
  return {
    target: await open(proxy),
    proxy,
    removeStore: async () => server.removeBucket('backups'),
    async [Symbol.asyncDispose]() {
      await proxy[Symbol.asyncDispose]()
      await server[Symbol.asyncDispose]()
    },
  }
})

describe('gcs', () => {
  it('refuses a store that confirms other bytes than were sent, and takes them back', async () => {
    await using server = await startGcsServer({ buckets: ['backups'] })
    await using target = await open(server)
    server.lieAboutChecksums(1)
    await rejectsWith('TARGET_CHECKSUM_MISMATCH', putBytes(target, 'part', someBytes(1000), signal))
    expect(server.names('backups')).toEqual([])
  })

  it('stores each role in the class the configuration names', async () => {
    await using server = await startGcsServer({ buckets: ['backups'] })
    await using target = await open(server, { storageClass: { part: 'NEARLINE' } })
    const bytes = someBytes(1000)
    for (const role of ['part', 'manifest'] as const)
      await target.put(role, bodyOf(bytes), { ...optionsFor(bytes, signal), role })
    expect(await resourceOf(server, 'fleet/part')).toMatchObject({ storageClass: 'NEARLINE', size: '1000' })
    expect(await resourceOf(server, 'fleet/manifest')).toMatchObject({ storageClass: 'STANDARD' })
  })

  it('refuses a storage class Google does not have before anything is sent', async () => {
    await using server = await startGcsServer({ buckets: ['backups'] })
    await rejectsWith('CONFIG_INVALID', open(server, { storageClass: { part: 'STANDARD_IA' } }))
  })

  it('tells missing rights from an absent object', async () => {
    await using server = await startGcsServer({ buckets: ['backups'], token: 'the-token' })
    await using target = await open(server)
    await rejectsWith('TARGET_REFUSED', putBytes(target, 'part', someBytes(10), signal))
    await rejectsWith('TARGET_REFUSED', target.stat('part', { signal }))
    await rejectsWith('TARGET_REFUSED', target.get('part', { signal }))
    await rejectsWith('TARGET_REFUSED', target.remove('part', { signal }))
  })

  it('says which field is wrong when the credentials are no JSON', async () => {
    await using server = await startGcsServer({ buckets: ['backups'] })
    const config = configFor(server, { credentials: 'env:CREDENTIALS' })
    const opening = openGcs('gcs' as TargetId, config, { resolveSecret: () => new Secret('not json') })
    await rejectsWith('CONFIG_INVALID', opening)
  })

  it('keeps what a retention policy of the bucket keeps', async () => {
    await using server = await startGcsServer()
    server.createBucket('backups', 3600)
    await using target = await open(server)
    await putBytes(target, 'part', someBytes(10), signal)
    await rejectsWith('TARGET_HELD', target.remove('part', { signal }))
  })
})

function open(server: { endpoint: string }, more: object = {}) {
  return openGcs('gcs' as TargetId, configFor(server, more), noSecrets)
}

function configFor({ endpoint }: { endpoint: string }, more: object = {}) {
  return GcsConfig.parse({ kind: 'gcs', bucket: 'backups', endpoint, prefix: 'fleet', ...more })
}

async function resourceOf(server: GcsServer, name: string): Promise<unknown> {
  const answer = await fetch(`${server.endpoint}/storage/v1/b/backups/o/${encodeURIComponent(name)}`)
  return answer.json()
}
