import { createHash } from 'node:crypto'
import type { SourceId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import { evidenceKey, manifestKey } from '@lifeboat/shared/domain/keys.ts'
import { newSigningKeyPair, openSigner, type PublicKeys, type Signer } from '@lifeboat/shared/signing/signing.ts'
import { type MemoryTarget, openMemory } from '@lifeboat/storage/memory.ts'
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { aBackup } from './conformance/facts.ts'
import { MemoryCatalog } from './memory-catalog.ts'
import { rebuildCatalog } from './rebuild.ts'

const sha = (bytes: string | Buffer) => createHash('sha256').update(bytes).digest('hex')
const md5 = (bytes: string | Buffer) => createHash('md5').update(bytes).digest('hex')
const HASH = sha('x')

let agent: Signer
let verifier: Signer
let keys: PublicKeys
beforeAll(async () => {
  const [a, v] = [await newSigningKeyPair(), await newSigningKeyPair()]
  agent = await openSigner('db1', a.privateKey)
  verifier = await openSigner('verifier', v.privateKey)
  keys = { db1: a.publicKey, verifier: v.publicKey }
})

let target: MemoryTarget
beforeEach(() => {
  target = openMemory('aws' as TargetId)
})

type Backup = ReturnType<typeof aBackup>

function manifestOf(backup: Backup, signer = agent): Promise<string> {
  const { moment, backupId, sourceId } = backup
  const part = { no: 0, bytes: 1000, sha256: HASH, md5: md5('x') }
  return signer.sign('lifeboat-manifest', {
    format: 1,
    fleetId: 'fhir',
    sourceId,
    policyId: 'daily',
    agentId: 'db1',
    runId: `daily.${sourceId}.${backupId.slice(0, 16)}`,
    backupId,
    kind: backup.kind,
    database: 'records',
    startedAt: moment(0),
    snapshotAt: moment(1),
    sealedAt: moment(5),
    server: {
      versionNum: 170004,
      major: 17,
      version: '17.4',
      systemIdentifier: '7',
      encoding: 'UTF8',
      collate: 'C',
      ctype: 'C',
      extensions: {},
    },
    tools: {},
    recipients: backup.recipients,
    summary: { tables: 3, rows: 42, databaseBytes: 9000 },
    ...backup.physical,
    artifacts: [{ name: 'db.dump.age', role: 'database', bytes: 1000, sha256: HASH, parts: [part], encoding: [] }],
    documents: [],
    targets: ['aws', 'gcp', 'azure'],
    requiredCopies: 2,
  })
}

function evidenceOf(backup: Backup, manifest: string, drillId: string, verdict = 'proven'): Promise<string> {
  const { moment, backupId, sourceId } = backup
  return verifier.sign('lifeboat-evidence', {
    format: 1,
    fleetId: 'fhir',
    drillId,
    runId: 'drill.x',
    backupId,
    sourceId,
    kind: 'dump',
    targetId: 'aws',
    verifierId: 'verifier',
    manifestSha256: sha(manifest),
    startedAt: moment(9),
    finishedAt: moment(10),
    checks: [],
    verdict,
    reasons: verdict === 'proven' ? [] : ['a reason'],
    phases: { fetch: 5 },
    ...(verdict === 'proven' ? { recoveryMs: 10_000 } : {}),
    bytesFetched: 1,
    tools: {},
  })
}

const DRILL = '20260926T021000Z-drill-aaaaaa'

async function store(backup: Backup): Promise<string> {
  const manifest = await manifestOf(backup)
  target.objects.set(manifestKey(backup.sourceId, backup.backupId), Buffer.from(manifest))
  target.objects.set(`${backup.sourceId}/backups/${backup.backupId}/db.dump.age.00000`, Buffer.from('x'))
  return manifest
}

async function prove(backup: Backup, evidence: string): Promise<void> {
  target.objects.set(evidenceKey(backup.sourceId, backup.backupId, DRILL as never), Buffer.from(evidence))
}

async function rebuild() {
  const catalog = new MemoryCatalog()
  const signal = new AbortController().signal
  const report = await rebuildCatalog(catalog, target, { keys, fleetId: 'fhir' as never, signal })
  return { catalog, report }
}

describe('a catalogue rebuilt from one target', () => {
  test('says of its backups what the facts had said', async () => {
    const backups = [1, 2, 3].map((no) => aBackup({ no, kind: no === 3 ? 'base' : 'dump' }))
    const live = new MemoryCatalog()
    for (const backup of backups) {
      const manifest = await store(backup)
      await prove(backup, await evidenceOf(backup, manifest, DRILL))
      const sealed = backup.sealed()
      if (sealed.subject === 'backup.sealed')
        await live.apply({ ...sealed, data: { ...sealed.data, bytes: 1000, manifest: { sha256: sha(manifest) } } })
      await live.apply(backup.stored('aws', 5))
      const drilled = backup.drilled('aws', 'proven')
      await live.apply({ ...drilled, data: { ...drilled.data, drillId: DRILL, phases: { fetch: 5 } } } as never)
    }
    const { catalog, report } = await rebuild()
    expect(report).toEqual({ backups: 3, drills: 3, holds: 0, tombstones: 0, untrusted: [] })
    for (const { backupId } of backups) expect(await catalog.get(backupId)).toEqual(await live.get(backupId))
    expect(await catalog.summaries()).toEqual(await live.summaries())
  })

  test('knows until when the store refuses to remove a copy, as far as the store says', async () => {
    const [locked, free] = [aBackup({ no: 1 }), aBackup({ no: 2 })]
    for (const backup of [locked, free]) await store(backup)
    const until = '2027-06-01T00:00:00.000Z'
    const { stat } = target
    target.stat = async (key, opts) => {
      const there = await stat(key, opts)
      return there && { ...there, ...(key.includes(locked.backupId) && { lockedUntil: until }) }
    }
    const { catalog } = await rebuild()
    const lockOf = async (backup: Backup) => (await catalog.get(backup.backupId))?.copies['aws' as TargetId]?.lock
    expect([await lockOf(locked), await lockOf(free)]).toEqual([{ at: locked.moment(5), until }, undefined])
  })

  test('knows no backup whose manifest never came', async () => {
    const backup = aBackup()
    target.objects.set(`${backup.sourceId}/backups/${backup.backupId}/db.dump.age.00000`, Buffer.from('x'))
    expect((await rebuild()).report).toEqual({ backups: 0, drills: 0, holds: 0, tombstones: 0, untrusted: [] })
  })

  test('adds to a catalogue what it does not know and repeats nothing', async () => {
    await store(aBackup())
    const { catalog } = await rebuild()
    const before = await catalog.get(aBackup().backupId)
    const opts = { keys, fleetId: 'fhir' as never, signal: new AbortController().signal }
    await rebuildCatalog(catalog, target, opts)
    expect(await catalog.get(aBackup().backupId)).toEqual(before)
    expect(await catalog.count()).toBe(1)
  })

  const sabotages: Record<string, (backup: Backup, manifest: string) => Promise<void>> = {
    'a manifest with one byte changed': async (backup, manifest) => {
      const jws = JSON.parse(manifest) as { payload: string }
      const payload = Buffer.from(jws.payload, 'base64url').toString().replace('"rows":42', '"rows":43')
      const changed = JSON.stringify({ ...jws, payload: Buffer.from(payload).toString('base64url') })
      target.objects.set(manifestKey(backup.sourceId, backup.backupId), Buffer.from(changed))
    },
    'a manifest of another backup': async (backup) => {
      const other = await manifestOf(aBackup({ no: 9 }))
      target.objects.set(manifestKey(backup.sourceId, backup.backupId), Buffer.from(other))
    },
    'a manifest of the same backup under another source': async (backup, manifest) => {
      target.objects.delete(manifestKey(backup.sourceId, backup.backupId))
      target.objects.set(manifestKey('other' as SourceId, backup.backupId), Buffer.from(manifest))
    },
    'a manifest signed by a verifier': async (backup) => {
      const forged = await manifestOf(backup, verifier)
      target.objects.set(manifestKey(backup.sourceId, backup.backupId), Buffer.from(forged))
    },
    'a manifest that is no JSON': async (backup) => {
      target.objects.set(manifestKey(backup.sourceId, backup.backupId), Buffer.from('gone'))
    },
    'evidence in the place of a manifest': async (backup, manifest) => {
      const evidence = await evidenceOf(backup, manifest, DRILL)
      target.objects.set(manifestKey(backup.sourceId, backup.backupId), Buffer.from(evidence))
    },
  }
  test.for(Object.entries(sabotages))('reports %s and does not believe it', async ([, sabotage]) => {
    const backup = aBackup()
    await sabotage(backup, await store(backup))
    const { catalog, report } = await rebuild()
    expect(report.backups).toBe(0)
    expect(report.untrusted.map(({ error }) => error.code)).toEqual(['MANIFEST_TAMPERED'])
    expect(await catalog.count()).toBe(0)
  })

  test('reads nothing to its end that is longer than a manifest or evidence can be, and reports it', async () => {
    const backup = aBackup()
    await store(backup)
    await prove(backup, ' '.repeat(17 * 1024 ** 2))
    const { report } = await rebuild()
    expect(report).toMatchObject({ backups: 1, drills: 0, untrusted: [{ error: { code: 'MANIFEST_TAMPERED' } }] })
    expect(report.untrusted[0]?.error.facts.problem).toContain('longer')
  })

  test('does not believe a proof that was made of another manifest', async () => {
    const backup = aBackup()
    await store(backup)
    await prove(backup, await evidenceOf(backup, await manifestOf(aBackup({ no: 9 })), DRILL))
    const { catalog, report } = await rebuild()
    expect(report.untrusted).toHaveLength(1)
    expect((await catalog.get(backup.backupId))?.copies['aws' as never]?.state).toBe('stored')
  })

  test('does not believe a proof beside a manifest that cannot be trusted', async () => {
    const backup = aBackup()
    const forged = await manifestOf(backup, verifier)
    target.objects.set(manifestKey(backup.sourceId, backup.backupId), Buffer.from(forged))
    await prove(backup, await evidenceOf(backup, forged, DRILL))
    expect((await rebuild()).report).toMatchObject({ backups: 0, drills: 0, untrusted: [{}, {}] })
  })

  test('does not believe evidence that lies under the name of another drill', async () => {
    const backup = aBackup()
    const manifest = await store(backup)
    await prove(backup, await evidenceOf(backup, manifest, '20260926T021000Z-drill-bbbbbb'))
    expect((await rebuild()).report.untrusted).toHaveLength(1)
  })

  test('keeps the verdict of a failed drill whatever manifest it saw', async () => {
    const backup = aBackup()
    await store(backup)
    await prove(backup, await evidenceOf(backup, 'swapped', DRILL, 'failed'))
    const { catalog } = await rebuild()
    expect((await catalog.get(backup.backupId))?.copies['aws' as never]?.state).toBe('disproven')
  })
})
