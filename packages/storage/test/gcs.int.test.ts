import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Secret } from '@lifeboat/shared/config/secret.ts'
import type { TargetId } from '@lifeboat/shared/domain/ids.ts'
import { startFaultProxy } from '@lifeboat/testkit/fault-proxy.ts'
import { type GcsServer, startGcsServer } from '@lifeboat/testkit/gcs-server.ts'
import { describe, expect, it, test } from 'vitest'
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

test('that its store checks an MD5 is seen through every layer', async () => {
  await using server = await startGcsServer({ buckets: ['backups'] })
  expect(allLayers(await open(server)).checksMd5).toBe(true)
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

  it('proves itself with credentials of a workload identity, and says so when nobody issues a token', async () => {
    await using server = await startGcsServer({ buckets: ['backups'], token: 'issued-token' })
    await using issuer = await startTokenIssuer('issued-token')
    const config = configFor(server, { credentials: 'env:CREDENTIALS' })
    const opened = () => openGcs('gcs' as TargetId, config, { resolveSecret: () => new Secret(issuer.credentials) })
    await using target = await opened()
    expect(await putBytes(target, 'part', someBytes(1000), signal)).toMatchObject({ bytes: 1000 })
    issuer.refuse()
    await using refused = await opened()
    await rejectsWith('TARGET_REFUSED', refused.stat('part', { signal }))
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

/** A security token service as workload identity federation asks it, and the credentials that name it. */
async function startTokenIssuer(token: string) {
  const folder = await mkdtemp(join(tmpdir(), 'lifeboat-issuer-'))
  const file = join(folder, 'subject-token')
  await writeFile(file, 'subject')
  let status = 200
  const http = createServer((req, res) => {
    req.resume()
    const kind = 'urn:ietf:params:oauth:token-type:access_token'
    const issued = { access_token: token, issued_token_type: kind, token_type: 'Bearer', expires_in: 3600 }
    res.writeHead(status, { 'content-type': 'application/json' })
    res.end(JSON.stringify(status === 200 ? issued : { error: 'invalid_grant' }))
  }).listen(0, '127.0.0.1')
  await once(http, 'listening')
  return {
    credentials: JSON.stringify({
      type: 'external_account',
      audience: '//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/pool/providers/host',
      subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
      token_url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/token`,
      credential_source: { file },
    }),
    refuse() {
      status = 400
    },
    async [Symbol.asyncDispose]() {
      http.close()
      http.closeAllConnections()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function resourceOf(server: GcsServer, name: string): Promise<unknown> {
  const answer = await fetch(`${server.endpoint}/storage/v1/b/backups/o/${encodeURIComponent(name)}`)
  return answer.json()
}
