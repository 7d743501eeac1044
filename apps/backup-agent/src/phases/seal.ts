import { createHash } from 'node:crypto'
import { join } from 'node:path'
import type { BackupSealed } from '@lifeboat/shared/bus/messages/backup.ts'
import type { FleetId, Md5, Moment, Sha256 } from '@lifeboat/shared/domain/ids.ts'
import { type Artifact, backupBytes, type Document, Manifest } from '@lifeboat/shared/domain/manifest.ts'
import type { TableExport } from '@lifeboat/shared/domain/table-export.ts'
import type { Signer } from '@lifeboat/shared/signing/signing.ts'
import { aboutOf } from '../attempt.ts'
import { RECOVER_DOCUMENT, type Recovery, recoverDocument } from '../recover-doc.ts'
import { MANIFEST, SEALED, writeDurably } from '../spool/files.ts'
import type { Spooled } from '../spool/spool.ts'

export interface SealFacts
  extends Pick<
    Manifest,
    'database' | 'snapshotAt' | 'server' | 'tools' | 'recipients' | 'summary' | 'physical' | 'files' | 'exports'
  > {
  fleetId: FleetId
  sealedAt: Moment
  spoolUrl: string
  artifacts: Artifact[]
  /** What RECOVER.md of a backup with parents says besides. */
  recovery?: Recovery
  /** What RECOVER.md of a table export says besides. */
  tableExport?: TableExport
}

/**
 * Writes RECOVER.md, then the signed manifest: with its name in the spool the backup exists.
 *
 * @returns what BackupSealed will say; it lies beside the manifest, so that a restart can say it again
 */
export async function sealBackup(to: Spooled, facts: SealFacts, signer: Signer): Promise<BackupSealed> {
  const { attempt, folder } = to
  const about = aboutOf(attempt)
  const { spoolUrl, recovery, tableExport, ...rest } = facts
  const recover = Buffer.from(
    recoverDocument({
      ...{ ...rest, ...(recovery && { recovery }), ...(tableExport && { tableExport }) },
      ...{ backupId: about.backupId, sourceId: about.sourceId, agentId: about.agentId },
    }),
  )
  await writeDurably(join(folder, RECOVER_DOCUMENT), recover)
  const manifest = Manifest.parse({
    format: 1,
    ...about,
    ...rest,
    startedAt: attempt.startedAt,
    documents: [{ name: RECOVER_DOCUMENT, ...measure(recover) } satisfies Document],
    targets: attempt.targets,
    requiredCopies: attempt.requiredCopies,
  })
  const signed = Buffer.from(await signer.sign('lifeboat-manifest', manifest))
  const sealed: BackupSealed = {
    ...about,
    startedAt: attempt.startedAt,
    snapshotAt: facts.snapshotAt,
    sealedAt: facts.sealedAt,
    bytes: backupBytes(manifest),
    summary: facts.summary,
    ...(facts.physical && { physical: facts.physical }),
    ...(facts.files && { files: facts.files }),
    ...(facts.exports && { exports: facts.exports }),
    manifest: measure(signed),
    recipients: facts.recipients,
    targets: attempt.targets,
    requiredCopies: attempt.requiredCopies,
    spoolUrl,
  }
  await writeDurably(join(folder, SEALED), JSON.stringify(sealed))
  await writeDurably(join(folder, MANIFEST), signed)
  return sealed
}

function measure(content: Buffer): { bytes: number; sha256: Sha256; md5: Md5 } {
  const digest = (algorithm: string) => createHash(algorithm).update(content).digest('hex')
  return { bytes: content.length, sha256: digest('sha256') as Sha256, md5: digest('md5') as Md5 }
}
