import { createHash } from 'node:crypto'
import { Evidence } from '@lifeboat/shared/domain/drill.ts'
import type { BackupId, SourceId } from '@lifeboat/shared/domain/ids.ts'
import { evidenceKey, type Key, manifestKey } from '@lifeboat/shared/domain/keys.ts'
import { Manifest } from '@lifeboat/shared/domain/manifest.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { type DocumentType, type PublicKeys, readUnchecked, verifySigned } from '@lifeboat/shared/signing/signing.ts'
import { LONGEST_MANIFEST_BYTES, readSmall } from '@lifeboat/storage/read-small.ts'
import type { Target } from '@lifeboat/storage/target.ts'

/** One backup as it lies at a target. */
export interface Seen {
  manifest: Manifest
  /** Of the signed manifest's own bytes: what a proof is about. */
  manifestSha256: string
  signer: string
  /** The newest drill of this very copy that came to a verdict; undefined when it was never drilled. */
  drill: Pick<Evidence, 'verdict' | 'finishedAt' | 'recoveryMs'> | undefined
}

export interface Sight {
  /** Oldest first. */
  backups: Seen[]
  /** Whether signatures were checked; without public keys nobody can. */
  checked: boolean
  /** Documents nobody should rely on, and why. */
  distrusted: { key: Key; problem: string }[]
  /** Everything listed, of whatever kind. */
  objects: number
}

export interface LookOptions {
  target: Target
  /** Only of this source; default every source there is, for which the whole target is listed. */
  sourceId?: SourceId | undefined
  /** Only this backup of it: a source may have thousands. */
  backupId?: BackupId | undefined
  /** undefined: signatures are not checked. */
  signers: PublicKeys | undefined
  signal: AbortSignal
  /** Told how many documents were read. */
  onRead?: (documents: number) => void
}

/** So many documents are under way at the same time. */
const LANES = 16
const MANIFEST = /^[^/]+\/backups\/[^/]+\/manifest\.json$/
const EVIDENCE = /^[^/]+\/drills\/[^/]+\/[^/]+\.json$/

/**
 * What a target holds, from its own documents alone: manifests and the evidence of drills.
 *
 * @throws LifeboatError TARGET_…
 */
export async function look(opts: LookOptions): Promise<Sight> {
  const sight: Sight = { backups: [], checked: opts.signers !== undefined, distrusted: [], objects: 0 }
  const { manifests, evidence } = await documentKeys(opts, sight)
  await inLanes(
    manifests,
    async (key) => {
      const read = await trusting(key, sight, () => readManifest(key, opts))
      if (read) sight.backups.push(read)
    },
    opts,
  )
  sight.backups.sort((a, b) => (a.manifest.backupId < b.manifest.backupId ? -1 : 1))
  const known = new Map(sight.backups.map((seen) => [seen.manifest.backupId as string, seen]))
  await inLanes(
    evidence,
    async (key) => {
      const read = await trusting(key, sight, () => readEvidence(key, opts))
      if (read) note(read, known.get(read.backupId))
    },
    opts,
  )
  return sight
}

async function documentKeys({ target, sourceId, backupId, signal }: LookOptions, sight: Sight) {
  const found = { manifests: [] as Key[], evidence: [] as Key[] }
  const own = backupId === undefined ? '' : `${backupId}/`
  const prefixes = sourceId === undefined ? [''] : [`${sourceId}/backups/${own}`, `${sourceId}/drills/${own}`]
  for (const prefix of prefixes)
    for await (const { key } of target.list(prefix, { signal })) {
      sight.objects++
      if (MANIFEST.test(key)) found.manifests.push(key)
      else if (EVIDENCE.test(key)) found.evidence.push(key)
    }
  return found
}

async function readManifest(key: Key, opts: LookOptions): Promise<Seen> {
  const { bytes, signer, document } = await readSigned(key, 'lifeboat-manifest', opts)
  const parsed = Manifest.safeParse(document)
  if (!parsed.success) throw tampered(key, 'it has not the shape of a manifest')
  const { sourceId, backupId, agentId } = parsed.data
  if (key !== manifestKey(sourceId, backupId) || signer !== agentId) throw tampered(key, 'it belongs somewhere else')
  const manifestSha256 = createHash('sha256').update(bytes).digest('hex')
  return { manifest: parsed.data, manifestSha256, signer, drill: undefined }
}

async function readEvidence(key: Key, opts: LookOptions): Promise<Evidence> {
  const { signer, document } = await readSigned(key, 'lifeboat-evidence', opts)
  const parsed = Evidence.safeParse(document)
  if (!parsed.success) throw tampered(key, 'it has not the shape of evidence')
  const { sourceId, backupId, drillId, verifierId } = parsed.data
  if (key !== evidenceKey(sourceId, backupId, drillId) || signer !== verifierId)
    throw tampered(key, 'it belongs somewhere else')
  return parsed.data
}

async function readSigned(key: Key, typ: DocumentType, { target, signers, signal }: LookOptions) {
  const bytes = await readSmall(await target.get(key, { signal }), key, LONGEST_MANIFEST_BYTES)
  const text = bytes.toString('utf8')
  return { bytes, ...(signers ? await verifySigned(text, typ, signers) : readUnchecked(text, typ)) }
}

/** A verdict is about the bytes of one manifest; an inconclusive drill says nothing. */
function note(evidence: Evidence, seen: Seen | undefined): void {
  const { verdict, finishedAt, recoveryMs, manifestSha256 } = evidence
  if (!seen || manifestSha256 !== seen.manifestSha256 || verdict === 'inconclusive') return
  if (seen.drill !== undefined && seen.drill.finishedAt >= finishedAt) return
  seen.drill = { verdict, finishedAt, ...(recoveryMs === undefined ? {} : { recoveryMs }) }
}

async function trusting<T>(key: Key, sight: Sight, read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read()
  } catch (thrown) {
    if (!LifeboatError.is(thrown, 'MANIFEST_TAMPERED')) throw thrown
    sight.distrusted.push({ key, problem: String(thrown.facts.problem) })
    return undefined
  }
}

async function inLanes<T>(items: readonly T[], work: (item: T) => Promise<void>, opts: LookOptions): Promise<void> {
  const waiting = items.values()
  let done = 0
  const lane = async () => {
    for (const item of waiting) {
      opts.signal.throwIfAborted()
      await work(item)
      opts.onRead?.(++done)
    }
  }
  await Promise.all(Array.from({ length: LANES }, lane))
}

function tampered(key: Key, problem: string): LifeboatError {
  return new LifeboatError('MANIFEST_TAMPERED', { key, problem })
}
