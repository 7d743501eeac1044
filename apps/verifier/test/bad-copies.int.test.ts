import type { PolicyId } from '@lifeboat/shared/domain/ids.ts'
import { backupPrefix, evidenceKey, manifestKey, partKey } from '@lifeboat/shared/domain/keys.ts'
import type { Manifest } from '@lifeboat/shared/domain/manifest.ts'
import { newSigningKeyPair, openSigner } from '@lifeboat/shared/signing/signing.ts'
import { startPostgres, type TestPostgres } from '@lifeboat/testkit/postgres.ts'
import { type SealOptions, sealBackup } from '@lifeboat/testkit/seal-backup.ts'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { type DrillMore, type DrillRoom, newIdentity, openDrillRoom } from './drill-room.ts'
import { makeRecords } from './records.ts'

let pg: TestPostgres
let room: DrillRoom
let good: Manifest
let whole: Map<string, Buffer>

const seal = (more: Partial<SealOptions> = {}) => {
  const { target, recipient, agent: signer } = room
  return sealBackup({ pg, database: 'records', target, recipient, signer, ...more })
}

beforeAll(async () => {
  ;[pg, room] = await Promise.all([startPostgres(), openDrillRoom()])
  await makeRecords(pg)
  good = await seal()
  whole = new Map(room.target.objects)
})
afterAll(() => Promise.all([pg, room].map((each) => each[Symbol.asyncDispose]())))
afterEach(async () => {
  room.target.objects.clear()
  for (const [key, bytes] of whole) room.target.objects.set(key, bytes)
  expect(await room.leftovers()).toEqual([])
})

/** Drills a copy that is no good; the verdict is in the fact and, signed, beside the backup. */
async function drillBad(manifest: Manifest, more?: DrillMore) {
  const fact = await room.drill(manifest, more)
  const evidence = await room.evidence(fact)
  expect(evidence).toMatchObject({ verdict: fact.verdict, reasons: fact.reasons })
  const culprit = evidence.checks.find(({ answer }) => answer === 'failed' || answer === 'unable')
  return { verdict: fact.verdict, check: culprit?.check, code: culprit?.error?.code, reasons: fact.reasons, evidence }
}

const partOf = (role: string, no = 0, of = good) => {
  const artifact = of.artifacts.find((each) => each.role === role)
  if (!artifact) throw new Error(`no ${role}`)
  return partKey(of.sourceId, of.backupId, artifact.name, no)
}
const change = (key: string, how: (bytes: Buffer) => Buffer) => {
  const bytes = room.target.objects.get(key)
  if (!bytes) throw new Error(`nothing lies under ${key}`)
  room.target.objects.set(key, how(Buffer.from(bytes)))
}
const flip = (at: number) => (bytes: Buffer) => {
  bytes[at] = (bytes[at] ?? 0) ^ 1
  return bytes
}
const theManifest = () => manifestKey(good.sourceId, good.backupId)

test('a copy that nobody touched is proven', async () => {
  const fact = await room.drill(good)
  expect(fact).toMatchObject({ verdict: 'proven', reasons: [] })
})

test('a changed manifest fails the copy before anything is fetched or started', async () => {
  change(theManifest(), (bytes) => {
    const jws = JSON.parse(bytes.toString()) as { payload: string }
    const text = Buffer.from(jws.payload, 'base64url').toString().replace('"requiredCopies":1', '"requiredCopies":2')
    return Buffer.from(JSON.stringify({ ...jws, payload: Buffer.from(text).toString('base64url') }))
  })
  const { evidence, ...bad } = await drillBad(good)
  expect(bad).toMatchObject({ verdict: 'failed', check: 'manifest', code: 'MANIFEST_TAMPERED' })
  expect(evidence.scratch).toBeUndefined()
})

test('a manifest signed by somebody we do not know, or by a verifier, fails the copy', async () => {
  const stranger = await openSigner('db1', (await newSigningKeyPair()).privateKey)
  expect(await drillBad(await seal({ signer: stranger }))).toMatchObject({
    verdict: 'failed',
    code: 'MANIFEST_TAMPERED',
  })
  const asAgent = await seal({ signer: room.deps.signer, change: (of) => ({ ...of, agentId: good.agentId }) })
  expect(await drillBad(asAgent)).toMatchObject({ verdict: 'failed', code: 'MANIFEST_TAMPERED' })
})

test('a genuine manifest of another backup, put in the place of this one, fails the copy', async () => {
  const other = await seal()
  change(theManifest(), () => room.target.objects.get(manifestKey(other.sourceId, other.backupId)) as Buffer)
  const bad = await drillBad(good)
  expect(bad).toMatchObject({ verdict: 'failed', check: 'manifest', code: 'MANIFEST_TAMPERED' })
  expect(bad.reasons[0]).toContain('it belongs to another backupId')
})

test('without its manifest there is no copy', async () => {
  room.target.objects.delete(theManifest())
  expect(await drillBad(good)).toMatchObject({ verdict: 'failed', check: 'manifest', code: 'MANIFEST_MISSING' })
})

test.each([
  ['a missing part', () => room.target.objects.delete(partOf('database', 1)), 'ARTIFACT_PART_MISSING'],
  ['a truncated part', () => change(partOf('globals'), (bytes) => bytes.subarray(0, -1)), 'ARTIFACT_TRUNCATED'],
  [
    'a surplus part, which the commands of RECOVER.md would take for its own',
    () =>
      room.target.objects.set(`${backupPrefix(good.sourceId, good.backupId)}db.dump.zst.age.99999`, Buffer.from('x')),
    'ARTIFACT_SURPLUS_PART',
  ],
  [
    'a changed RECOVER.md',
    () => change(`${backupPrefix(good.sourceId, good.backupId)}RECOVER.md`, flip(3)),
    'ARTIFACT_DIGEST_MISMATCH',
  ],
])('%s fails the copy before a server is started', async (_, spoil, code) => {
  spoil()
  const { evidence, ...bad } = await drillBad(good)
  expect(bad).toMatchObject({ verdict: 'failed', check: 'digests', code })
  expect(evidence.scratch).toBeUndefined()
})

test.each(['fingerprint', 'globals'])('one flipped bit in the %s fails the copy by its digest', async (role) => {
  change(partOf(role), flip(200))
  expect(await drillBad(good)).toMatchObject({ verdict: 'failed', check: 'decrypt', code: 'ARTIFACT_DIGEST_MISMATCH' })
})

test('one flipped bit in the last part of the dump fails the copy by its digest, and the evidence names the part', async () => {
  const last = (good.artifacts.find(({ role }) => role === 'database')?.parts.length ?? 0) - 1
  expect(last).toBeGreaterThan(2)
  change(partOf('database', last), flip(100))
  const bad = await drillBad(good)
  expect(bad).toMatchObject({ verdict: 'failed', check: 'restore', code: 'ARTIFACT_DIGEST_MISMATCH' })
  expect(bad.reasons[0]).toContain(partOf('database', last))
})

test('two parts exchanged fail the copy', async () => {
  const [one, other] = [partOf('database', 0), partOf('database', 1)]
  const kept = room.target.objects.get(one) as Buffer
  change(one, () => room.target.objects.get(other) as Buffer)
  change(other, () => kept)
  expect(await drillBad(good)).toMatchObject({ verdict: 'failed', code: 'ARTIFACT_DIGEST_MISMATCH' })
})

test('a verifier without the key says so and nothing against the copy', async () => {
  const theirs = await newIdentity()
  const bad = await drillBad(await seal({ recipient: theirs.recipient }))
  expect(bad).toMatchObject({ verdict: 'inconclusive', check: 'decrypt', code: 'ARTIFACT_KEY_WRONG' })
})

test('a copy encrypted to other keys than its manifest says is failed', async () => {
  const theirs = await newIdentity()
  const bad = await drillBad(await seal({ recipient: theirs.recipient, claimedRecipient: room.recipient }))
  expect(bad).toMatchObject({ verdict: 'failed', check: 'decrypt', code: 'ARTIFACT_UNREADABLE' })
})

test('a dump that ends in the middle fails, although every digest is right', async () => {
  const spoil: SealOptions['spoil'] = (role, bytes) =>
    role === 'database' ? bytes.subarray(0, bytes.length / 2) : bytes
  const bad = await drillBad(await seal({ spoil }))
  expect(bad).toMatchObject({ verdict: 'failed', check: 'restore' })
  expect(['ARTIFACT_TRUNCATED', 'DRILL_RESTORE_FAILED']).toContain(bad.code)
})

test('globals that PostgreSQL refuses fail the copy', async () => {
  const spoil: SealOptions['spoil'] = (role, bytes) =>
    role === 'globals' ? Buffer.concat([bytes, Buffer.from('ALTER ROLE nobody;\n')]) : bytes
  expect(await drillBad(await seal({ spoil }))).toMatchObject({
    verdict: 'failed',
    check: 'globals',
    code: 'DRILL_RESTORE_FAILED',
  })
})

test('a dump without one table restores well and is failed by the fingerprint', async () => {
  const bad = await drillBad(await seal({ dumpArgs: ['--exclude-table=observation'] }))
  expect(bad).toMatchObject({ verdict: 'failed', check: 'fingerprint' })
  expect(bad.reasons[0]).toContain('Table public.observation with 8000 rows did not come back.')
})

test('a dump without the rows of one table restores well and is failed by the fingerprint', async () => {
  const bad = await drillBad(await seal({ dumpArgs: ['--exclude-table-data=observation'] }))
  expect(bad.verdict).toBe('failed')
  expect(bad.reasons[0]).toContain('Table public.observation has 0 rows instead of 8000.')
})

test('rows that break a foreign key of the source fail the restore', async () => {
  const database = await makeRecords(pg, 'orphans')
  await pg.query(database, `set session_replication_role = replica; insert into observation (patient) values (999)`)
  const bad = await drillBad(await seal({ database }))
  expect(bad).toMatchObject({ verdict: 'failed', check: 'restore', code: 'DRILL_RESTORE_FAILED' })
  expect(bad.evidence.checks.at(-1)?.error?.facts.stderr).toContain('observation_patient_fkey')
})

test('an assertion that does not hold fails the copy; one that is no SQL leaves it open; the others are asked all the same', async () => {
  const assertions = [
    { name: 'many patients', sql: 'select count(*) from patient', expect: { atLeast: 501 } },
    { name: 'no sql', sql: 'selekt 1', expect: { equals: 1 } },
    { name: 'a table that is not there', sql: 'select 1 from nowhere', expect: { equals: 1 } },
    {
      name: 'nobody is nameless',
      sql: `select not exists (select from patient where name = '')`,
      expect: { equals: true },
    },
    { name: 'it may not write', sql: `delete from patient returning 1`, expect: { atLeast: 0 } },
  ]
  const { evidence, ...bad } = await drillBad(good, { rules: { assertions } })
  expect(bad.verdict).toBe('failed')
  expect(bad.reasons).toEqual([
    'assertion many patients: It is "500", expected at least 501.',
    'assertion a table that is not there: The query failed: relation "nowhere" does not exist.',
    'assertion it may not write: The query failed: cannot execute DELETE in a read-only transaction.',
  ])
  const answers = evidence.checks.filter(({ check }) => check === 'assertion').map(({ answer }) => answer)
  expect(answers).toEqual(['failed', 'unable', 'failed', 'passed', 'failed'])
  const open = await room.drill(good, { rules: { assertions: assertions.slice(1, 2) } })
  expect(open).toMatchObject({ verdict: 'inconclusive' })
})

test('a question of the drill with a date of its own fails the copy as one of its policy does, and is asked by that drill alone', async () => {
  const rehearsal = 'monthly-test' as PolicyId
  const own = { name: 'some patients', sql: 'select count(*) from patient', expect: { atLeast: 1 } }
  const more = { name: 'many patients', sql: 'select count(*) from patient', expect: { atLeast: 501 } }
  const given = { rules: { assertions: [own] }, deps: { rehearsals: new Map([[rehearsal, [more]]]) } }
  const bad = await drillBad(good, { ...given, wish: { rehearsal } })
  expect(bad).toMatchObject({ verdict: 'failed', check: 'assertion' })
  expect(bad.reasons).toEqual(['assertion many patients: It is "500", expected at least 501.'])
  const asked = bad.evidence.checks.filter(({ check }) => check === 'assertion')
  expect(asked.map(({ subject, answer }) => [subject, answer])).toEqual([
    ['some patients', 'passed'],
    ['many patients', 'failed'],
  ])
  expect(await room.drill(good, given)).toMatchObject({ verdict: 'proven' })
})

test('evidence of a drill lies under its own key beside the backup', async () => {
  const fact = await room.drill(good)
  expect(room.target.objects.has(evidenceKey(good.sourceId, good.backupId, fact.drillId))).toBe(true)
})
