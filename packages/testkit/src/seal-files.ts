import { archiveGate } from '@lifeboat/files/gate/archive-gate.ts'
import {
  type AgentId,
  type FleetId,
  moment,
  newBackupId,
  operatorRunId,
  type PolicyId,
  type SourceId,
} from '@lifeboat/shared/domain/ids.ts'
import { documentKey, manifestKey } from '@lifeboat/shared/domain/keys.ts'
import type { Artifact, FilesFacts, Manifest } from '@lifeboat/shared/domain/manifest.ts'
import type { Signer } from '@lifeboat/shared/signing/signing.ts'
import type { Target } from '@lifeboat/storage/target.ts'
import { artifactOf, digestsOf, pipe, put, putParts } from './seal-backup.ts'

export interface SealFilesOptions {
  target: Target
  /** age public key. */
  recipient: string
  signer: Signer
  /** One tar archive per pass. */
  archives: readonly Buffer[]
  parent?: Manifest
  sourceId?: SourceId
  /** As configured where it was backed up; default /opt/app. */
  root?: string
  /** Changes the manifest before it is signed. */
  change?: (manifest: Manifest) => Manifest
  /** Changes a list of members before it is sealed: an agent that lies. */
  spoilList?: (list: string) => string
}

/** Seals archives that are already here as a signed backup of kind `files`, with the lists a gate makes of them. */
export async function sealFiles(opts: SealFilesOptions): Promise<Manifest> {
  const { target, recipient } = opts
  const now = Date.now()
  const sealed: { artifact: Artifact; bytes: Buffer }[] = []
  const add = async (name: string, role: Artifact['role'], contents: Buffer) => {
    const encrypted = await pipe('age', ['-r', recipient], await pipe('zstd', ['-q', '-c', '-1'], contents))
    sealed.push({ artifact: artifactOf(`${name}.zst.age`, role, 'tar', encrypted, 1024 * 1024), bytes: encrypted })
  }
  let facts = { files: 0, folders: 0, links: 0, bytes: 0 }
  for (const [i, archive] of opts.archives.entries()) {
    const stem = i === 0 ? 'files' : `files-${i + 1}`
    let list = ''
    const gate = archiveGate({
      line(text) {
        list += text
      },
    })
    gate.add(archive)
    const { files, folders, links, bytes } = gate.report()
    facts = { files, folders, links, bytes }
    await add(`${stem}.tar`, 'files', archive)
    await add(`${stem}.jsonl`, 'members', Buffer.from(opts.spoilList?.(list) ?? list))
  }
  const whole = manifestOf(
    opts,
    facts,
    now,
    sealed.map(({ artifact }) => artifact),
  )
  const manifest = opts.change?.(whole) ?? whole
  for (const { artifact, bytes } of sealed) await putParts(target, manifest, artifact, bytes)
  const { sourceId, backupId } = manifest
  await put(target, documentKey(sourceId, backupId, 'RECOVER.md'), RECOVER, 'document')
  const signed = await opts.signer.sign('lifeboat-manifest', manifest)
  await put(target, manifestKey(sourceId, backupId), Buffer.from(signed), 'manifest')
  return manifest
}

const RECOVER = Buffer.from('# Recovering\n')

function manifestOf(
  { target, recipient, signer, parent, archives, sourceId = 'code' as SourceId, root = '/opt/app' }: SealFilesOptions,
  counts: Pick<FilesFacts, 'files' | 'folders' | 'links' | 'bytes'>,
  now: number,
  artifacts: Artifact[],
): Manifest {
  const policyId = 'nightly' as PolicyId
  const chain = parent?.files ? parent.files.chain + 1 : 0
  const about = { fleetId: 'testers' as FleetId, sourceId, policyId, agentId: signer.id as AgentId }
  return {
    ...{ format: 1, ...about, kind: 'files', artifacts },
    ...{ runId: operatorRunId(policyId, sourceId, now), backupId: newBackupId('files', now) },
    ...{ startedAt: moment(now), snapshotAt: moment(now), sealedAt: moment(Date.now()), tools: {} },
    ...{ recipients: [recipient], targets: [target.id], requiredCopies: 1 },
    summary: { tables: null, rows: null, databaseBytes: counts.bytes },
    files: {
      ...{ root, ...counts, passes: archives.length, chain, notices: {} },
      ...(parent && { parent: parent.backupId }),
    },
    documents: [{ name: 'RECOVER.md', ...digestsOf(RECOVER) }],
  }
}
