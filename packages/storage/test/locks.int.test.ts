import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Secret } from '@lifeboat/shared/config/secret.ts'
import type { PolicyId, SourceId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import { segmentAt, type WalObject, walKey } from '@lifeboat/shared/domain/wal.ts'
import { startGcsServer } from '@lifeboat/testkit/gcs-server.ts'
import { startS3Server } from '@lifeboat/testkit/s3-server.ts'
import { describe, expect, it } from 'vitest'
import { openAzure } from '../src/azure.ts'
import { bodyOf, optionsFor, rejectsWith, someBytes } from '../src/conformance/target-case.ts'
import { openGcs } from '../src/gcs.ts'
import type { ContentRole, Target } from '../src/target.ts'
import { AzureConfig, GcsConfig } from '../src/target-config.ts'
import { openBare } from './support/s3.ts'

const { signal } = new AbortController()
const DAY = 86_400_000
const lock = { days: 30, mode: 'compliance' }

const put = (target: Target, key: string, role: ContentRole, policyId?: PolicyId) => {
  const bytes = someBytes(1000)
  return target.put(key, bodyOf(bytes), { ...optionsFor(bytes, signal), role, policyId })
}
const leftOf = async (target: Target, key: string) =>
  Math.round((Date.parse((await target.stat(key, { signal }))?.lockedUntil ?? '') - Date.now()) / DAY)

const STORES = {
  s3: async () => {
    const server = await startS3Server()
    return { server, open: (more: object) => openBare(server, more) }
  },
  gcs: async () => {
    const server = await startGcsServer({ buckets: ['backups'] })
    const ctx = { resolveSecret: () => Promise.reject(new Error('no secrets here')) }
    const config = { kind: 'gcs', bucket: 'backups', endpoint: server.endpoint }
    return { server, open: (more: object) => openGcs('gcp' as TargetId, GcsConfig.parse({ ...config, ...more }), ctx) }
  },
}

describe.each(Object.keys(STORES) as (keyof typeof STORES)[])('locks of %s', (kind) => {
  it('parts and manifests are locked as they are put, what must stay removable is not, and the refusal names the date', async () => {
    const { server, open } = await STORES[kind]()
    await using _server = server
    await using target = await open({ lock })
    for (const role of ['part', 'document', 'manifest'] as const) {
      await put(target, role, role)
      expect(await leftOf(target, role), role).toBe(30)
      const held = await target.remove(role, { signal }).catch((thrown: unknown) => thrown)
      expect(held).toMatchObject({ code: 'TARGET_HELD', facts: { until: expect.stringMatching(/^\d{4}-/) } })
    }
    for (const role of ['wal', 'marker', 'evidence'] as const) {
      await put(target, role, role)
      await target.remove(role, { signal })
    }
  })

  it('a policy may have days of its own, and of WAL whole segments and histories are locked where that is asked for, pieces never', async () => {
    const { server, open } = await STORES[kind]()
    await using _server = server
    await using target = await open({ lock: { ...lock, policies: { archive: 400, cache: 2 }, wal: 21 } })
    for (const [policyId, days] of Object.entries({ archive: 400, cache: 2, daily: 30 }) as [PolicyId, number][]) {
      await put(target, policyId, 'part', policyId)
      expect(await leftOf(target, policyId), policyId).toBe(days)
      expect(target.locks?.forMs(policyId)).toBe(days * DAY)
    }
    const segment = segmentAt(1, 0n, 1 << 24)
    const wal = (object: WalObject) => walKey('records' as SourceId, object)
    const whole = wal({ kind: 'segment', segment, digest: 'a'.repeat(16) })
    const history = wal({ kind: 'history', timeline: 2, digest: 'a'.repeat(16) })
    for (const key of [whole, history]) {
      await put(target, key, 'wal')
      expect(await leftOf(target, key), key).toBe(21)
    }
    const piece = wal({ kind: 'piece', segment, from: 0, to: 8192, digest: 'a'.repeat(16) })
    await put(target, piece, 'wal')
    await target.remove(piece, { signal })
  })

  it('a lock is made longer, never shorter, and one that was never there is set', async () => {
    const { server, open } = await STORES[kind]()
    await using _server = server
    await using bare = await open({})
    expect(bare.locks).toBeUndefined()
    await put(bare, 'old', 'part')
    await using target = await open({ lock })
    await put(target, 'new', 'part')
    for (const key of ['old', 'new']) {
      await target.locks?.extend(key, new Date(Date.now() + 60 * DAY), { signal })
      expect(await leftOf(target, key)).toBe(60)
    }
    const shorter = target.locks?.extend('new', new Date(Date.now() + DAY), { signal }) ?? Promise.resolve()
    await rejectsWith('TARGET_REFUSED', shorter)
    expect(await leftOf(target, 'new')).toBe(60)
    await rejectsWith(
      'TARGET_KEY_ABSENT',
      target.locks?.extend('nowhere', new Date(Date.now() + DAY), { signal }) ?? Promise.resolve(),
    )
  })
})

// Azurite knows no immutability: what the client asks for, and makes of the documented answers, is all that can be looked at here.
it('azure says until when a blob is locked, and a refusal to remove it names that date', async () => {
  const until = new Date(Math.ceil(Date.now() / 1000) * 1000 + 7 * DAY)
  const locked = { 'x-ms-immutability-policy-until-date': until.toUTCString() }
  await using azure = await startAzureAnswers((req, res) => {
    if (req.method === 'HEAD')
      return res.writeHead(200, { 'content-length': 5, ...(req.url?.includes('/bare') ? {} : locked) }).end()
    const code = req.url?.includes('/bare') ? 'BlobImmutableDueToLegalHold' : 'BlobImmutableDueToPolicy'
    return res.writeHead(409, { 'x-ms-error-code': code, 'content-type': 'application/xml' }).end(xmlOf(code))
  })
  await using target = await azure.open({ days: 30, mode: 'compliance' })
  expect(await target.stat('part', { signal })).toMatchObject({ bytes: 5, lockedUntil: until.toISOString() })
  expect((await target.stat('bare', { signal }))?.lockedUntil).toBeUndefined()
  const refused = (key: string) => target.remove(key, { signal }).catch((thrown: unknown) => thrown)
  expect(await refused('part')).toMatchObject({ code: 'TARGET_HELD', facts: { until: until.toISOString() } })
  const held = (await refused('bare')) as { code: string; facts: object }
  expect([held.code, 'until' in held.facts]).toEqual(['TARGET_HELD', false])
})

const xmlOf = (code: string) =>
  `<?xml version="1.0" encoding="utf-8"?><Error><Code>${code}</Code><Message>no</Message></Error>`

/** A server that answers as it is told, and an account there. */
async function startAzureAnswers(answer: RequestListener) {
  const server = createServer(answer)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}/acc`
  const config = { kind: 'azure', container: 'backups', account: 'acc', endpoint, accountKey: 'env:KEY' }
  const ctx = { resolveSecret: () => new Secret(Buffer.alloc(64).toString('base64')) }
  return {
    open: (lock: object) => openAzure('azure' as TargetId, AzureConfig.parse({ ...config, lock }), ctx),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
    },
  }
}

it('azure is asked for a policy with the put itself, and for a longer one afterwards', async () => {
  const asked: { path: string; headers: Record<string, unknown> }[] = []
  await using azure = await startAzureAnswers((req, res) => {
    asked.push({ path: `${req.method} ${req.url}`, headers: req.headers })
    req.resume().on('end', () => res.writeHead(req.url?.includes('comp=immutabilityPolicies') ? 200 : 201).end())
  })
  const open = (mode: string) => azure.open({ days: 30, mode })
  await put(await open('compliance'), 'part', 'part')
  await put(await open('governance'), 'part', 'part')
  await put(await open('compliance'), 'marker', 'marker')
  await (await open('compliance')).locks?.extend('part', new Date(Date.now() + 60 * DAY), { signal })
  const said = asked.map(({ headers }) => [
    headers['x-ms-immutability-policy-mode'],
    Math.round((Date.parse(String(headers['x-ms-immutability-policy-until-date'])) - Date.now()) / DAY),
  ])
  expect(said).toEqual([
    ['Locked', 30],
    ['Unlocked', 30],
    [undefined, Number.NaN],
    ['Locked', 60],
  ])
  expect(asked.at(-1)?.path).toMatch(/^PUT \/acc\/backups\/part\?comp=immutabilityPolicies/)
})
