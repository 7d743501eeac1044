import { execFile, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { takeFingerprint } from '@lifeboat/postgres/fingerprint/take-fingerprint.ts'
import {
  type AgentId,
  type ArtifactName,
  type FleetId,
  type Md5,
  moment,
  newBackupId,
  operatorRunId,
  type PolicyId,
  type Sha256,
  type SourceId,
} from '@lifeboat/shared/domain/ids.ts'
import { documentKey, type Key, manifestKey, partKey } from '@lifeboat/shared/domain/keys.ts'
import type { Artifact, Manifest, ServerFacts } from '@lifeboat/shared/domain/manifest.ts'
import type { Signer } from '@lifeboat/shared/signing/signing.ts'
import type { ContentRole, Target } from '@lifeboat/storage/target.ts'
import { Client } from 'pg'
import type { TestPostgres } from './postgres.ts'

const run = promisify(execFile)

export interface SealOptions {
  pg: TestPostgres
  database: string
  /** Where the finished copy is put. */
  target: Target
  /** age public key. */
  recipient: string
  /** Its id is the agent's. */
  signer: Signer
  sourceId?: string
  /** Default 64 kB: small backups get several parts. */
  partBytes?: number
  /** Further arguments of pg_dump, to leave something out behind the fingerprint's back. */
  dumpArgs?: readonly string[]
  /** Changes the contents of an artifact before they are compressed, encrypted and signed: an agent that lies. */
  spoil?: (role: Artifact['role'], contents: Buffer) => Buffer
  /** What the manifest says it is encrypted to; default the truth. */
  claimedRecipient?: string
  /** The last word on the manifest before it is signed. */
  change?: (manifest: Manifest) => Manifest
}

/** Takes a signed backup with stock programs and puts it to a target: what an agent and an uploader would do, without them. */
export async function sealBackup(opts: SealOptions): Promise<Manifest> {
  const { pg, database, target, partBytes = 64 * 1024 } = opts
  const now = Date.now()
  const [sourceId, policyId] = [(opts.sourceId ?? 'records') as SourceId, 'daily' as PolicyId]
  const backupId = newBackupId('dump', now)
  const sealed: { artifact: Artifact; bytes: Buffer }[] = []
  const add = async (name: string, role: Artifact['role'], from: string, bytes: Buffer) => {
    const contents = opts.spoil?.(role, bytes) ?? bytes
    const encrypted = await pipe('age', ['-r', opts.recipient], await pipe('zstd', ['-q', '-c'], contents))
    sealed.push({ artifact: artifactOf(name, role, from, encrypted, partBytes), bytes: encrypted })
  }
  const measured = await inSnapshot(opts, async (snapshot) => {
    const args = ['-Fc', '-Z0', '-d', database, `--snapshot=${snapshot}`, ...(opts.dumpArgs ?? []), ...reach(pg)]
    await add('db.dump.zst.age', 'database', 'pg_dump --format=custom --compress=0', await output(pg, 'pg_dump', args))
  })
  const globals = await output(pg, 'pg_dumpall', ['--globals-only', ...reach(pg)])
  await add('globals.sql.zst.age', 'globals', 'pg_dumpall --globals-only', globals)
  await add('fingerprint.json.zst.age', 'fingerprint', 'fingerprint', Buffer.from(JSON.stringify(measured.fingerprint)))
  const recover = Buffer.from('# Recovering\n')
  const { tables } = measured.fingerprint
  const manifest: Manifest = {
    format: 1,
    ...{
      fleetId: 'testers' as FleetId,
      sourceId,
      policyId,
      agentId: opts.signer.id as AgentId,
      backupId,
      kind: 'dump',
    },
    runId: operatorRunId(policyId, sourceId, now),
    ...{
      database,
      startedAt: moment(now),
      snapshotAt: moment(now),
      sealedAt: moment(Date.now()),
      server: measured.server,
    },
    tools: { pg_dump: (await output(pg, 'pg_dump', ['--version'])).toString().trim() },
    recipients: [opts.claimedRecipient ?? opts.recipient],
    summary: {
      tables: tables.length,
      rows: tables.reduce((sum, { rows }) => sum + rows, 0),
      databaseBytes: measured.databaseBytes,
    },
    artifacts: sealed.map(({ artifact }) => artifact),
    documents: [{ name: 'RECOVER.md', ...digestsOf(recover) }],
    targets: [target.id],
    requiredCopies: 1,
  }
  for (const { artifact, bytes } of sealed) await putParts(target, manifest, artifact, bytes)
  await put(target, documentKey(sourceId, backupId, 'RECOVER.md'), recover, 'document')
  const signed = await opts.signer.sign('lifeboat-manifest', opts.change?.(manifest) ?? manifest)
  await put(target, manifestKey(sourceId, backupId), Buffer.from(signed), 'manifest')
  return manifest
}

interface Measured {
  fingerprint: Awaited<ReturnType<typeof takeFingerprint>>
  server: ServerFacts
  databaseBytes: number
}

async function inSnapshot({ pg, database }: SealOptions, work: (snapshot: string) => Promise<void>): Promise<Measured> {
  const client = new Client({ host: pg.socketDir, port: pg.port, user: pg.user, database })
  await client.connect()
  try {
    await client.query('begin isolation level repeatable read read only')
    const facts = await client.query<{ snapshot: string; server: ServerFacts; bytes: string }>(`
      select pg_export_snapshot() as snapshot, pg_database_size(current_database())::text as bytes, json_build_object(
        'versionNum', current_setting('server_version_num')::int, 'major', current_setting('server_version_num')::int / 10000,
        'version', version(), 'systemIdentifier', (select system_identifier::text from pg_control_system()),
        'encoding', pg_encoding_to_char(d.encoding), 'collate', d.datcollate, 'ctype', d.datctype,
        'extensions', (select json_object_agg(extname, extversion) from pg_extension)) as server
      from pg_database d where datname = current_database()`)
    const row = facts.rows[0]
    if (row === undefined) throw new Error('the database is not in pg_database')
    const fingerprint = await takeFingerprint(client, {
      hashTablesUpToBytes: 1e12,
      signal: AbortSignal.timeout(120_000),
    })
    await work(row.snapshot)
    return { fingerprint, server: row.server, databaseBytes: Number(row.bytes) }
  } finally {
    await client.end()
  }
}

export function artifactOf(
  name: string,
  role: Artifact['role'],
  from: string,
  bytes: Buffer,
  partBytes: number,
): Artifact {
  const parts = slices(bytes, partBytes).map((slice, no) => ({ no, ...digestsOf(slice) }))
  const { sha256 } = digestsOf(bytes)
  return { name: name as ArtifactName, role, bytes: bytes.length, sha256, parts, encoding: [from, 'zstd', 'age'] }
}

export async function putParts(target: Target, of: Manifest, artifact: Artifact, bytes: Buffer): Promise<void> {
  let from = 0
  for (const part of artifact.parts) {
    const slice = bytes.subarray(from, from + part.bytes)
    from += part.bytes
    await put(target, partKey(of.sourceId, of.backupId, artifact.name, part.no), slice, 'part')
  }
}

export async function put(target: Target, key: Key, bytes: Buffer, role: ContentRole): Promise<void> {
  const signal = AbortSignal.timeout(300_000)
  await target.put(key, () => Readable.from([bytes]), { ...digestsOf(bytes), role, signal })
}

function slices(bytes: Buffer, size: number): Buffer[] {
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, no) => bytes.subarray(no * size, (no + 1) * size))
}

export function digestsOf(bytes: Buffer): { bytes: number; sha256: Sha256; md5: Md5 } {
  const digest = (algorithm: string) => createHash(algorithm).update(bytes).digest('hex')
  return { bytes: bytes.length, sha256: digest('sha256') as Sha256, md5: digest('md5') as Md5 }
}

async function output(pg: TestPostgres, tool: string, args: readonly string[]): Promise<Buffer> {
  return (await run(join(pg.binDir, tool), [...args], { encoding: 'buffer', maxBuffer: 2 ** 30 })).stdout
}

export async function pipe(program: string, args: readonly string[], input: Buffer): Promise<Buffer> {
  const child = spawn(program, [...args], { stdio: ['pipe', 'pipe', 'inherit'] })
  child.stdin.end(input)
  const [bytes, [code]] = await Promise.all([buffer(child.stdout), once(child, 'exit')])
  if (code !== 0) throw new Error(`${program} ended with ${code}`)
  return bytes
}

const reach = (pg: TestPostgres) => ['-h', pg.socketDir, '-p', String(pg.port), '-U', pg.user, '-w']
