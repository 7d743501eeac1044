import { createHash, randomBytes } from 'node:crypto'
import { BackupSealed } from '@lifeboat/shared/bus/messages/backup.ts'
import { PartSealed } from '@lifeboat/shared/bus/messages/part.ts'
import {
  type ArtifactName,
  type Md5,
  moment,
  newBackupId,
  type Sha256,
  type TargetId,
} from '@lifeboat/shared/domain/ids.ts'
import { documentKey, partKey } from '@lifeboat/shared/domain/keys.ts'
import { Manifest } from '@lifeboat/shared/domain/manifest.ts'
import { newSigningKeyPair, openSigner } from '@lifeboat/shared/signing/signing.ts'
import type { Spool } from './spool.ts'

/** A sealed backup in a spool, and the facts its agent would publish. */
export interface SpooledBackup {
  parts: PartSealed[]
  sealed: BackupSealed
  /** Every key a complete copy has, the manifest last, and its bytes. */
  copy: Map<string, Buffer>
  keyOfPart(no: number): string
  /** The agent lets it go. */
  release(): void
}

const ARTIFACT = 'db.dump.zst.age' as ArtifactName

export async function spoolBackup(
  spool: Spool,
  opts: { targets: string[]; parts?: number; partBytes?: number; systemIdentifier?: string },
): Promise<SpooledBackup> {
  const { parts: count = 3, partBytes = 100_000, systemIdentifier } = opts
  const ofCluster = systemIdentifier === undefined ? {} : { systemIdentifier }
  const about = {
    backupId: newBackupId('dump', Date.now()),
    sourceId: 'records' as Manifest['sourceId'],
    policyId: 'daily' as Manifest['policyId'],
    agentId: 'db1' as Manifest['agentId'],
    runId: `daily.records.${randomBytes(4).toString('hex')}` as Manifest['runId'],
    kind: 'dump' as const,
  }
  const targets = opts.targets as TargetId[]
  const bodies = Array.from({ length: count }, () => randomBytes(partBytes))
  const recover = Buffer.from('# How to recover this without Lifeboat\n')
  const described = bodies.map((body, no) => ({ no, ...describe(body) }))
  const now = moment(Date.now())
  const manifest = Manifest.parse({
    ...{ format: 1, fleetId: 'acme', ...about, database: 'records', startedAt: now, snapshotAt: now, sealedAt: now },
    server: { versionNum: 170004, major: 17, version: '17.4', systemIdentifier: '7', ...LOCALE, extensions: {} },
    tools: {},
    ...(systemIdentifier && { physical: { ...PHYSICAL, systemIdentifier } }),
    recipients: ['age1test'],
    summary: SUMMARY,
    artifacts: [
      { name: ARTIFACT, role: 'database', ...describe(Buffer.concat(bodies)), parts: described, encoding: [] },
    ],
    documents: [{ name: 'RECOVER.md', ...describe(recover) }],
    targets,
    requiredCopies: 1,
  })
  const envelope = await sign(manifest)
  const { sourceId, backupId } = about
  const copy = new Map<string, Buffer>(bodies.map((body, no) => [partKey(sourceId, backupId, ARTIFACT, no), body]))
  copy.set(documentKey(sourceId, backupId, 'RECOVER.md'), recover)
  copy.set(documentKey(sourceId, backupId, 'manifest.json'), envelope)
  for (const [key, bytes] of copy) spool.files.set(spoolName(key), bytes)
  const spoolUrl = spool.url
  return {
    parts: described.map((part) =>
      PartSealed.schema.parse({ ...about, ...ofCluster, artifact: ARTIFACT, part, targets, spoolUrl }),
    ),
    sealed: BackupSealed.schema.parse({
      ...{ ...about, startedAt: now, snapshotAt: now, sealedAt: now, bytes: count * partBytes, summary: SUMMARY },
      ...{ manifest: describe(envelope), targets, requiredCopies: 1, spoolUrl },
    }),
    copy,
    keyOfPart: (no) => partKey(sourceId, backupId, ARTIFACT, no),
    release() {
      for (const key of copy.keys()) spool.files.delete(spoolName(key))
    },
  }
}

const SUMMARY = { tables: 1, rows: 10, databaseBytes: 1000 }
const PHYSICAL = {
  ...{ timeline: 1, startLsn: '0/1000000', endLsn: '0/2000000', segmentBytes: 1 << 24, fromStandby: false, chain: 0 },
  ...{ checksums: { enabled: true, failures: [] }, tablespaces: [] },
}
const LOCALE = { encoding: 'UTF8', collate: 'C', ctype: 'C' }

async function sign(manifest: Manifest): Promise<Buffer> {
  const { privateKey } = await newSigningKeyPair()
  const signer = await openSigner('db1', privateKey)
  return Buffer.from(await signer.sign('lifeboat-manifest', manifest))
}

function describe(bytes: Buffer): { bytes: number; sha256: Sha256; md5: Md5 } {
  const hash = (name: string) => createHash(name).update(bytes).digest('hex')
  return { bytes: bytes.length, sha256: hash('sha256') as Sha256, md5: hash('md5') as Md5 }
}

/** `records/backups/<id>/<name>` → `<id>/<name>` */
function spoolName(key: string): string {
  return key.split('/').slice(2).join('/')
}
