import { createHash, randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import type { BackupSealed } from '@lifeboat/shared/bus/messages/backup.ts'
import type { CopyStored } from '@lifeboat/shared/bus/messages/copy.ts'
import {
  type ArtifactName,
  type BackupId,
  type Md5,
  moment,
  newBackupId,
  type Sha256,
} from '@lifeboat/shared/domain/ids.ts'
import { documentKey, type Key, manifestKey, partKey } from '@lifeboat/shared/domain/keys.ts'
import { Manifest } from '@lifeboat/shared/domain/manifest.ts'
import type { Target } from '@lifeboat/storage/target.ts'

/** A backup of random bytes that nobody can restore: for what looks at copies and not into them. */
export interface SmallCopy {
  backupId: BackupId
  /** Every object of a copy and its bytes, the manifest last. */
  objects: ReadonlyMap<Key, Buffer>
  partKeys: readonly Key[]
  /** What its agent and the uploaders would have told, in order. */
  sealed: BackupSealed
  stored(targetId: string): CopyStored
}

const ARTIFACT = 'db.dump.zst.age' as ArtifactName
const SUMMARY = { tables: 1, rows: 10, databaseBytes: 1000 }

/** Two parts, a document and an unsigned manifest. */
export function smallCopy(opts: {
  targets: string[]
  atMs?: number
  partBytes?: number
  parent?: BackupId
  sourceId?: string
  startLsn?: string
}): SmallCopy {
  const { atMs = Date.now(), partBytes = 5000, parent, sourceId: source = 'records', startLsn = '0/1000000' } = opts
  const kind = parent === undefined ? 'base' : 'incremental'
  const backupId = newBackupId(kind, atMs)
  const now = moment(atMs)
  const about = { backupId, sourceId: source, policyId: 'daily', agentId: 'db1', runId: `daily.${source}.once`, kind }
  const times = { startedAt: now, snapshotAt: now, sealedAt: now }
  const physical = {
    ...{ timeline: 1, startLsn, endLsn: `${startLsn.slice(0, -3)}100`, segmentBytes: 1 << 24, fromStandby: false },
    ...{ chain: parent === undefined ? 0 : 1, ...(parent && { parent }) },
    ...{ checksums: { enabled: true, failures: [] }, tablespaces: [] },
  }
  const bodies = [randomBytes(partBytes), randomBytes(partBytes)]
  const recover = Buffer.from('# Recovering\n')
  const parts = bodies.map((body, no) => ({ no, ...describe(body) }))
  const whole = describe(Buffer.concat(bodies))
  const where = { targets: opts.targets, requiredCopies: 1 }
  const manifest = Manifest.parse({
    ...{ format: 1, fleetId: 'testers', ...about, ...times, ...where, physical, summary: SUMMARY, tools: {} },
    recipients: ['age1test'],
    artifacts: [{ name: ARTIFACT, role: 'base', ...whole, parts, encoding: [] }],
    documents: [{ name: 'RECOVER.md', ...describe(recover) }],
  })
  const encoded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  // Nobody who takes this copy has a key to check its signature with.
  const header = encoded({ alg: 'EdDSA', kid: 'db1', typ: 'lifeboat-manifest' })
  const envelope = Buffer.from(JSON.stringify({ protected: header, payload: encoded(manifest), signature: '' }))
  const { sourceId } = manifest
  const objects = new Map<Key, Buffer>(bodies.map((body, no) => [partKey(sourceId, backupId, ARTIFACT, no), body]))
  const partKeys = [...objects.keys()]
  objects.set(documentKey(sourceId, backupId, 'RECOVER.md'), recover)
  objects.set(manifestKey(sourceId, backupId), envelope)
  const bytes = 2 * partBytes
  const spoolUrl = 'http://127.0.0.1:1'
  return {
    ...{ backupId, objects, partKeys },
    sealed: {
      ...about,
      ...times,
      ...where,
      bytes,
      summary: SUMMARY,
      physical,
      manifest: describe(envelope),
      spoolUrl,
    } as never,
    stored: (targetId) => ({ ...about, targetId, storedAt: now, bytes }) as never,
  }
}

/** Puts objects as they are. */
export async function putObjects(target: Target, objects: Iterable<readonly [Key, Buffer]>): Promise<void> {
  const signal = new AbortController().signal
  for (const [key, bytes] of objects)
    await target.put(key, () => Readable.from([bytes], { objectMode: false }), {
      ...describe(bytes),
      role: key.endsWith('manifest.json') ? 'manifest' : 'part',
      signal,
    })
}

/** Puts other bytes of the same length under a key, as a store does that lost its mind: every list and every size looks right. */
export async function spoil(target: Target, key: Key): Promise<void> {
  const signal = new AbortController().signal
  const before = await target.stat(key, { signal })
  await target.remove(key, { signal })
  await putObjects(target, [[key, randomBytes(before?.bytes ?? 1)]])
}

function describe(bytes: Buffer): { bytes: number; sha256: Sha256; md5: Md5 } {
  const hash = (name: string) => createHash(name).update(bytes).digest('hex')
  return { bytes: bytes.length, sha256: hash('sha256') as Sha256, md5: hash('md5') as Md5 }
}
