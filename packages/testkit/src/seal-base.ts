import { execFile } from 'node:child_process'
import { chmod, chown, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { listRelations } from '@lifeboat/postgres/list-relations.ts'
import {
  type AgentId,
  type ArtifactName,
  type FleetId,
  moment,
  newBackupId,
  operatorRunId,
  type PolicyId,
  type SourceId,
} from '@lifeboat/shared/domain/ids.ts'
import { documentKey, manifestKey } from '@lifeboat/shared/domain/keys.ts'
import type { Artifact, Manifest, OfServer, PhysicalFacts } from '@lifeboat/shared/domain/manifest.ts'
import type { Lsn } from '@lifeboat/shared/domain/wal.ts'
import type { Signer } from '@lifeboat/shared/signing/signing.ts'
import type { Target } from '@lifeboat/storage/target.ts'
import type { TestPostgres } from './postgres.ts'
import { artifactOf, digestsOf, pipe, put, putParts } from './seal-backup.ts'

const run = promisify(execFile)

export interface SealBaseOptions {
  pg: TestPostgres
  database: string
  target: Target
  /** age public key. */
  recipient: string
  signer: Signer
  sourceId?: string
  /** Makes it an incremental to that one (PostgreSQL 17). */
  parent?: SealedBase
  /** An archive of configuration files that lie outside the data directory. */
  config?: Buffer
  /** As of an agent that lists no relations. */
  unlisted?: boolean
  /** Runs when the relations are listed, and the base has not begun. */
  between?: () => Promise<unknown>
  /** Further arguments of pg_basebackup. */
  args?: readonly string[]
  /** Changes an archive before it is compressed, encrypted and signed: a server or an agent that lies. */
  spoil?: (name: string, contents: Buffer) => Buffer
  /** The last word on the manifest before it is signed. */
  change?: (manifest: Manifest) => Manifest
}

export interface SealedBase {
  manifest: Manifest & OfServer & { physical: PhysicalFacts }
  /** What the server wrote about its files, plain: an incremental to it needs that. */
  backupManifest: Buffer
}

/** Takes a signed physical backup with pg_basebackup and puts it to a target. */
export async function sealBase(opts: SealBaseOptions): Promise<SealedBase> {
  const { target, recipient } = opts
  const startedAt = Date.now()
  const taken = await takeBase(opts)
  const endedAt = Date.now()
  const sealed: { artifact: Artifact; bytes: Buffer }[] = []
  for (const { name, role, contents } of taken.archives) {
    const compressed = await pipe('zstd', ['-q', '-c', '-1'], opts.spoil?.(name, contents) ?? contents)
    const encrypted = await pipe('age', ['-r', recipient], compressed)
    sealed.push({ artifact: artifactOf(name, role, 'BASE_BACKUP', encrypted, 1024 * 1024), bytes: encrypted })
  }
  const manifest = await manifestOf(
    opts,
    taken,
    { startedAt, endedAt },
    sealed.map(({ artifact }) => artifact),
  )
  for (const { artifact, bytes } of sealed) await putParts(target, manifest, artifact, bytes)
  const { sourceId, backupId } = manifest
  await put(target, documentKey(sourceId, backupId, 'RECOVER.md'), RECOVER, 'document')
  const signed = await opts.signer.sign('lifeboat-manifest', opts.change?.(manifest) ?? manifest)
  await put(target, manifestKey(sourceId, backupId), Buffer.from(signed), 'manifest')
  return { manifest, backupManifest: taken.backupManifest }
}

const RECOVER = Buffer.from('# Recovering\n')

interface Taken {
  archives: { name: string; role: Artifact['role']; contents: Buffer }[]
  backupManifest: Buffer
  tablespaces: { oid: string; path: string }[]
}

async function takeBase({ pg, parent, args = [], unlisted, between, config }: SealBaseOptions): Promise<Taken> {
  const relations = unlisted ? undefined : await relationsOf(pg)
  await between?.()
  const folder = await mkdtemp(join(tmpdir(), 'lifeboat-base-'))
  try {
    const { uid, gid } = await stat(pg.dataDir)
    await chown(folder, uid, gid)
    await chmod(folder, 0o755)
    const given = join(folder, 'parent')
    if (parent) await writeFile(given, parent.backupManifest)
    const reach = ['-h', pg.socketDir, '-p', String(pg.port), '-U', pg.user, '-w']
    const how = ['-Ft', '-X', 'fetch', '-c', 'fast', '--no-sync', ...(parent ? [`--incremental=${given}`] : [])]
    await run(join(pg.binDir, 'pg_basebackup'), [...reach, ...how, ...args, '-D', join(folder, 'taken')])
    const read = (name: string) => readFile(join(folder, 'taken', name))
    const tablespaces: Taken['tablespaces'] = await pg.query(
      'postgres',
      `select oid::text, pg_tablespace_location(oid) as path from pg_tablespace where pg_tablespace_location(oid) <> ''`,
    )
    const backupManifest = await read('backup_manifest')
    const archives: Taken['archives'] = [{ name: 'base.tar.zst.age', role: 'base', contents: await read('base.tar') }]
    for (const { oid } of tablespaces)
      archives.push({ name: `tablespace-${oid}.tar.zst.age`, role: 'tablespace', contents: await read(`${oid}.tar`) })
    archives.push({ name: 'backup_manifest.zst.age', role: 'backup-manifest', contents: backupManifest })
    if (config) archives.push({ name: 'config.tar.zst.age', role: 'config-files', contents: config })
    if (relations) archives.push({ name: 'relations.json.zst.age', role: 'relations', contents: relations })
    return { archives, backupManifest, tablespaces }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function relationsOf({ socketDir: host, port, user }: TestPostgres): Promise<Buffer> {
  const connection = { host, port, user, database: 'postgres', sslmode: 'disable' } as const
  const { text } = await listRelations(connection, { applicationName: 'test', signal: AbortSignal.timeout(300_000) })
  return Buffer.from(text)
}

async function manifestOf(
  { pg, database, target, recipient, signer, parent, ...opts }: SealBaseOptions,
  { backupManifest, tablespaces }: Taken,
  { startedAt, endedAt }: { startedAt: number; endedAt: number },
  artifacts: Artifact[],
): Promise<SealedBase['manifest']> {
  const [sourceId, policyId] = [(opts.sourceId ?? 'records') as SourceId, 'weekly' as PolicyId]
  const kind = parent ? 'incremental' : 'base'
  const [range] = (JSON.parse(backupManifest.toString()) as WrittenManifest)['WAL-Ranges']
  const [row] = await pg.query(database, FACTS)
  const physical: PhysicalFacts = {
    ...{ timeline: range.Timeline, startLsn: range['Start-LSN'], endLsn: range['End-LSN'] },
    ...{
      segmentBytes: row.segmentBytes,
      fromStandby: row.standby,
      chain: parent ? parent.manifest.physical.chain + 1 : 0,
    },
    ...(parent && { parent: parent.manifest.backupId }),
    checksums: { enabled: row.checksums, failures: [] },
    tablespaces: tablespaces.map((each) => ({
      ...each,
      artifact: `tablespace-${each.oid}.tar.zst.age` as ArtifactName,
    })),
  }
  return {
    format: 1,
    ...{
      fleetId: 'testers' as FleetId,
      sourceId,
      policyId,
      agentId: signer.id as AgentId,
      kind,
      database,
      physical,
      artifacts,
    },
    ...{ runId: operatorRunId(policyId, sourceId, startedAt), backupId: newBackupId(kind, startedAt) },
    ...{ startedAt: moment(startedAt), snapshotAt: moment(endedAt), sealedAt: moment(Date.now()) },
    ...{ server: row.server, tools: {}, recipients: [recipient], targets: [target.id], requiredCopies: 1 },
    summary: { tables: null, rows: null, databaseBytes: Number(row.bytes) },
    documents: [{ name: 'RECOVER.md', ...digestsOf(RECOVER) }],
  }
}

interface WrittenManifest {
  'WAL-Ranges': [{ Timeline: number; 'Start-LSN': Lsn; 'End-LSN': Lsn }]
}

const FACTS = `
  select current_setting('data_checksums')::bool as checksums, pg_is_in_recovery() as standby,
         (select bytes_per_wal_segment from pg_control_init()) as "segmentBytes",
         (select sum(pg_database_size(oid)) from pg_database)::text as bytes, json_build_object(
    'versionNum', current_setting('server_version_num')::int, 'major', current_setting('server_version_num')::int / 10000,
    'version', version(), 'systemIdentifier', (select system_identifier::text from pg_control_system()),
    'encoding', pg_encoding_to_char(d.encoding), 'collate', d.datcollate, 'ctype', d.datctype,
    'extensions', (select json_object_agg(extname, extversion) from pg_extension)) as server
  from pg_database d where datname = current_database()`
