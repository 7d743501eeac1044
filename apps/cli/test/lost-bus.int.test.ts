import { createHash } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { HOLDS_BUCKET, MARKS_BUCKET } from '@lifeboat/catalog/expiry/buckets.ts'
import { KvCatalog } from '@lifeboat/catalog/kv-catalog.ts'
import type { BackupFact } from '@lifeboat/catalog/project.ts'
import { connectBus } from '@lifeboat/shared/bus/nats-bus.ts'
import {
  type BackupKind,
  moment,
  newBackupId,
  newDrillId,
  newHoldId,
  newMarkId,
  type SourceId,
  type TargetId,
} from '@lifeboat/shared/domain/ids.ts'
import { evidenceKey, holdKey, type Key, manifestKey, partKey, tombstoneKey } from '@lifeboat/shared/domain/keys.ts'
import { backupBytes, Manifest } from '@lifeboat/shared/domain/manifest.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { newSigningKeyPair, openSigner } from '@lifeboat/shared/signing/signing.ts'
import { openFilesystem } from '@lifeboat/storage/filesystem.ts'
import { loseStreams } from '@lifeboat/testkit/lose-streams.ts'
import { putObjects } from '@lifeboat/testkit/small-copy.ts'
import { expect, test } from 'vitest'
import { configText, KEY, startFleet } from './fleet.ts'
import { cli } from './run-cli.ts'

const HOUR = 3_600_000
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')
const records = 'records' as SourceId
const aws = 'aws' as TargetId

const physical = {
  ...{ timeline: 1, startLsn: '0/1000000', endLsn: '0/1000100', segmentBytes: 1 << 24, fromStandby: false, chain: 0 },
  ...{ checksums: { enabled: true, failures: [] }, tablespaces: [] },
}
const files = { root: '/srv/app', files: 3, folders: 1, links: 0, bytes: 30, passes: 1, chain: 0, notices: {} }
const exported = { lsn: '0/1000100', tables: [{ title: 'public.results', artifact: 'results.csv.zst.age', rows: 7 }] }

test('with every stream and bucket lost, one target gives back backups of every kind, with sets, proofs, holds and what was let go', async () => {
  await using fleet = await startFleet()
  const [agentKeys, verifierKeys] = [await newSigningKeyPair(), await newSigningKeyPair()]
  const agent = await openSigner('db1', agentKeys.privateKey)
  const verifier = await openSigner('verifier', verifierKeys.privateKey)
  const signers = `signers: { db1: ${agentKeys.publicKey}, verifier: ${verifierKeys.publicKey} }`
  const text = configText(fleet.nats.url, fleet.dir).replace(`signers: { db1: ${KEY}, verifier: ${KEY} }`, signers)
  await writeFile(join(fleet.dir, 'lifeboat.yaml'), text)
  await mkdir(join(fleet.dir, 'aws'))
  const folder = { kind: 'filesystem', path: join(fleet.dir, 'aws'), prefix: '' }
  await using target = await openFilesystem(aws, folder as never)
  await putObjects(target, [['lifeboat.json' as Key, Buffer.from('{}')]])
  const catalog = await KvCatalog.open(fleet.bus)
  const tell = (subject: string, data: object) => catalog.apply({ subject, data } as unknown as BackupFact)

  /** A signed backup at the target, its proof beside it, and what the bus knows of both. */
  let no = 0
  const take = async (kind: BackupKind, over: object = {}) => {
    const atMs = Date.now() - (20 - no++) * HOUR
    const at = moment(atMs)
    const backupId = newBackupId(kind, atMs)
    const part = { no: 0, bytes: 1, sha256: sha256(Buffer.from('x')), md5: '9dd4e461268c8034f5c8564e155c67a6' }
    const artifact = { name: 'data.zst.age', role: 'base', bytes: 1, sha256: part.sha256, parts: [part], encoding: [] }
    const manifest = Manifest.parse({
      ...{ format: 1, fleetId: 'test', sourceId: records, policyId: 'daily', agentId: 'db1', backupId, kind },
      ...{ runId: `daily.records.${backupId.slice(0, 16)}`, startedAt: at, snapshotAt: at, sealedAt: at, tools: {} },
      ...{ recipients: ['age1abc'], summary: { tables: 1, rows: 7, databaseBytes: 9 }, artifacts: [artifact] },
      ...{ documents: [], targets: ['aws', 'gcp'], requiredCopies: 1, ...over },
    })
    const signed = Buffer.from(await agent.sign('lifeboat-manifest', manifest))
    const drillId = newDrillId(atMs)
    const drilled = {
      ...{ drillId, backupId, sourceId: records, targetId: aws, verdict: 'proven', reasons: [] },
      ...{ finishedAt: moment(atMs + HOUR), recoveryMs: 1234, phases: { fetch: 34, restore: 1200 } },
    }
    const evidence = {
      ...drilled,
      ...{ format: 1, fleetId: 'test', runId: 'drill.x', kind, verifierId: 'verifier', startedAt: at, checks: [] },
      ...{ manifestSha256: sha256(signed), bytesFetched: 1, tools: {} },
    }
    await putObjects(target, [
      [partKey(records, backupId, 'data.zst.age' as never, 0), Buffer.from('x')],
      [evidenceKey(records, backupId, drillId), Buffer.from(await verifier.sign('lifeboat-evidence', evidence))],
      [manifestKey(records, backupId), signed],
    ])
    const { artifacts: _artifacts, documents: _documents, ...facts } = manifest
    const storedAt = (await target.stat(manifestKey(records, backupId), { signal: AbortSignal.timeout(60_000) }))
      ?.storedAt
    const bytes = backupBytes(manifest)
    await tell('backup.sealed', { ...facts, bytes, manifest: { sha256: sha256(signed) } })
    await tell('copy.stored', { ...facts, bytes, targetId: aws, storedAt })
    await tell('drill.finished', drilled)
    return backupId
  }

  const dump = await take('dump')
  const base = await take('base', { physical })
  await take('incremental', { physical: { ...physical, parent: base, chain: 1 } })
  await take('tables', { exports: { ...exported, notes: [] } })
  await take('files', { files })
  const members = ['weekly-dump', 'weekly-code'].map((policyId) => ({ policyId, sourceId: records }))
  const set = { point: 'weekly.20261130T010000Z', setId: 'weekly', members }
  await take('dump', { policyId: 'weekly-dump', set })
  await take('files', { policyId: 'weekly-code', set, files })

  const hold = {
    holdId: newHoldId(Date.now()),
    sourceId: records,
    backupId: base,
    by: 'ada',
    why: 'audit',
    at: moment(Date.now()),
  }
  const tombstone = {
    ...{ markId: newMarkId(Date.now()), sourceId: records, backupId: dump, targetId: aws, by: 'ada', reasons: ['old'] },
    ...{ markedAt: moment(Date.now()), removeAfter: moment(Date.now() + HOUR) },
  }
  await putObjects(target, [
    [holdKey(records, hold.holdId), Buffer.from(JSON.stringify(hold))],
    [tombstoneKey(records, dump, tombstone.markId), Buffer.from(JSON.stringify(tombstone))],
  ])
  await (await fleet.bus.bucket(HOLDS_BUCKET)).put(hold.holdId, hold)
  await (await fleet.bus.bucket(MARKS_BUCKET)).put(`records.${dump}.aws`, { ...tombstone, state: 'marked' })
  await tell('copy.marked', tombstone)

  const json = async (...args: string[]) => JSON.parse((await cli(fleet.dir, [...args, '--json'])).out)
  const known = async () => {
    await using bus = await connectBus({ servers: [fleet.nats.url], name: 'test', log: silentLogger })
    const all = await Array.fromAsync((await KvCatalog.open(bus)).all())
    const values = async (name: typeof HOLDS_BUCKET | typeof MARKS_BUCKET) =>
      Array.fromAsync((await bus.bucket(name as never)).entries(), ({ value }) => value)
    return {
      records: all.sort((a, b) => (a.backupId < b.backupId ? -1 : 1)),
      summaries: await (await KvCatalog.open(bus)).summaries(),
      ...{ holds: await values(HOLDS_BUCKET), marks: await values(MARKS_BUCKET) },
      listed: await json('backup', 'list'),
    }
  }
  const before = await known()
  expect(before.records.map(({ kind }) => kind).sort()).toEqual(
    ['base', 'dump', 'dump', 'files', 'files', 'incremental', 'tables'].sort(),
  )

  expect(await loseStreams(fleet.nats.url)).toBeGreaterThan(5)
  expect(await known()).toMatchObject({ records: [], summaries: [], holds: [], marks: [] })
  const read = await json('catalog', 'rebuild', 'aws')
  expect(read).toMatchObject({ backups: 7, drills: 7, holds: 1, tombstones: 1, untrusted: [] })
  expect(await known()).toEqual(before)
})
