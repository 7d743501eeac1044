import { createHash } from 'node:crypto'
import { Evidence, hintsOf } from '@lifeboat/shared/domain/drill.ts'
import { type FleetId, type Moment, moment, type Sha256 } from '@lifeboat/shared/domain/ids.ts'
import { evidenceKey, holdKey, releaseKey, tombstoneKey, undoneKey } from '@lifeboat/shared/domain/keys.ts'
import { backupBytes } from '@lifeboat/shared/domain/manifest.ts'
import { Hold, Release, Tombstone } from '@lifeboat/shared/domain/retention.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { openManifest } from '@lifeboat/shared/signing/open-manifest.ts'
import { type PublicKeys, verifySigned } from '@lifeboat/shared/signing/signing.ts'
import { LONGEST_EVIDENCE_BYTES, LONGEST_MANIFEST_BYTES, readSmall } from '@lifeboat/storage/read-small.ts'
import type { Receipt, Target } from '@lifeboat/storage/target.ts'
import { lockedUntil } from './audit/locked-until.ts'
import type { Catalog } from './catalog.ts'
import { mapAhead } from './map-ahead.ts'
import type { BackupFact } from './project.ts'

/** What one document at a target tells: facts one can trust, or why it cannot be trusted. */
export type Finding =
  | { key: string; kind: 'manifest' | 'evidence'; facts: BackupFact[] }
  | { key: string; kind: 'hold'; hold: Hold }
  | { key: string; kind: 'release'; release: Release }
  | { key: string; kind: 'tombstone'; tombstone: Tombstone }
  | { key: string; kind: 'undone'; tombstone: Pick<Tombstone, 'sourceId' | 'backupId' | 'targetId' | 'markId'> }
  | { key: string; kind: 'untrusted'; error: LifeboatError }

export interface RebuildReport {
  backups: number
  drills: number
  holds: number
  /** Backups that were let go and are still there. */
  tombstones: number
  /** Documents whose signature, place or shape is wrong. They were not taken into the catalogue. */
  untrusted: { key: string; error: LifeboatError }[]
}

export interface ReadOptions {
  /** Public keys of agents and verifiers (`signers` in lifeboat.yaml). */
  keys: PublicKeys
  fleetId: FleetId
  signal: AbortSignal
  /** Called after each document with how many there were. */
  progress?: (documents: number) => void
  /** Where holds and marks are written down besides the catalogue; absent: they are only counted. */
  keeping?: KeepingWriter
}

/** What a rebuild tells of holds and of letting go, in the order it is found: a release after its hold, an undoing after its tombstone. */
export interface KeepingWriter {
  hold(hold: Hold): Promise<void>
  release(release: Release): Promise<void>
  mark(tombstone: Tombstone): Promise<void>
  undone(about: Pick<Tombstone, 'sourceId' | 'backupId' | 'targetId' | 'markId'>): Promise<void>
}

const AT_ONCE = 16

/**
 * Fills a catalogue from one target alone: the buckets are the truth. What the catalogue knows already stays; applying twice changes nothing.
 *
 * @throws LifeboatError of the target when it cannot be read; then the catalogue holds what was read until then
 */
export async function rebuildCatalog(catalog: Catalog, target: Target, opts: ReadOptions): Promise<RebuildReport> {
  const report: RebuildReport = { backups: 0, drills: 0, holds: 0, tombstones: 0, untrusted: [] }
  let documents = 0
  for await (const finding of readTarget(target, opts)) {
    await take(catalog, finding, report, opts.keeping)
    documents += 1
    opts.progress?.(documents)
  }
  return report
}

async function take(
  catalog: Catalog,
  finding: Finding,
  report: RebuildReport,
  keeping: KeepingWriter | undefined,
): Promise<void> {
  switch (finding.kind) {
    case 'untrusted':
      report.untrusted.push({ key: finding.key, error: finding.error })
      return
    case 'hold':
      report.holds += 1
      return keeping?.hold(finding.hold)
    case 'release':
      return keeping?.release(finding.release)
    case 'tombstone':
      report.tombstones += 1
      await catalog.apply({ subject: 'copy.marked', data: finding.tombstone })
      return keeping?.mark(finding.tombstone)
    case 'undone':
      report.tombstones -= 1
      await catalog.apply({ subject: 'copy.unmarked', data: finding.tombstone })
      return keeping?.undone(finding.tombstone)
    default:
      for (const fact of finding.facts) await catalog.apply(fact)
      report[finding.kind === 'manifest' ? 'backups' : 'drills'] += 1
  }
}

/** Every manifest and every piece of evidence of a target, checked, as facts; the parts themselves are not read. */
export async function* readTarget(target: Target, opts: ReadOptions): AsyncGenerator<Finding> {
  // Keys come sorted: `<source>/backups/` before `<source>/drills/`, so a manifest is under way before the evidence about it.
  const manifests: Manifests = new Map()
  const documents = keysOf(target, opts.signal)
  for await (const finding of mapAhead(documents, AT_ONCE, (document) => examine(target, document, opts, manifests)))
    yield finding
}

/** By `<source>/<backup id>`; resolves to the digest of a trusted manifest. */
type Manifests = Map<string, Promise<Sha256 | undefined>>

type Found = { kind: 'manifest' | 'evidence' | 'hold' | 'release' | 'tombstone' | 'undone'; receipt: Receipt }

async function* keysOf(target: Target, signal: AbortSignal): AsyncGenerator<Found> {
  for await (const receipt of target.list('', { signal })) {
    if (/^[^/]+\/backups\/[^/]+\/manifest\.json$/.test(receipt.key)) yield { kind: 'manifest', receipt }
    else if (/^[^/]+\/drills\/[^/]+\/[^/]+\.json$/.test(receipt.key)) yield { kind: 'evidence', receipt }
    else if (/^[^/]+\/holds\/[^/.]+\.released\.json$/.test(receipt.key)) yield { kind: 'release', receipt }
    else if (/^[^/]+\/holds\/[^/.]+\.json$/.test(receipt.key)) yield { kind: 'hold', receipt }
    else if (/^[^/]+\/expired\/[^/]+\/[^/.]+\.undone\.json$/.test(receipt.key)) yield { kind: 'undone', receipt }
    else if (/^[^/]+\/expired\/[^/]+\/[^/.]+\.json$/.test(receipt.key)) yield { kind: 'tombstone', receipt }
  }
}

async function examine(target: Target, found: Found, opts: ReadOptions, manifests: Manifests): Promise<Finding> {
  const { kind, receipt } = found
  const { key } = receipt
  const { promise: digest, resolve: known } = Promise.withResolvers<Sha256 | undefined>()
  if (kind === 'manifest') manifests.set(nameIn(key), digest)
  try {
    const most = kind === 'manifest' ? LONGEST_MANIFEST_BYTES : LONGEST_EVIDENCE_BYTES
    const bytes = await readSmall(await target.get(key, { signal: opts.signal }), key, most)
    if (kind !== 'manifest' && kind !== 'evidence') return keepingFinding(target, kind, key, bytes)
    const facts =
      kind === 'manifest'
        ? await manifestFacts(target, receipt, bytes, opts)
        : await evidenceFacts(target, key, bytes, opts, manifests)
    known(sha256Of(bytes))
    return { key, kind, facts }
  } catch (thrown) {
    if (!LifeboatError.is(thrown, 'MANIFEST_TAMPERED')) throw thrown
    return { key, kind: 'untrusted', error: thrown }
  } finally {
    known(undefined)
  }
}

/** Nobody who writes these has a key to sign with. A hold that somebody slipped in keeps too much; what it cannot do is let anything go. */
function keepingFinding(
  target: Target,
  kind: Exclude<Found['kind'], 'manifest' | 'evidence'>,
  key: string,
  bytes: Buffer,
): Finding {
  const document = readJson(bytes, key)
  const [sourceId, , folder] = key.split('/') as [Tombstone['sourceId'], string, Tombstone['backupId']]
  if (kind === 'hold') {
    const hold = parse(Hold, document, key)
    expectEqual(key, 'its place', holdKey(hold.sourceId, hold.holdId), key)
    return { key, kind, hold }
  }
  if (kind === 'release') {
    const release = parse(Release, document, key)
    expectEqual(key, 'its place', releaseKey(sourceId, release.holdId), key)
    return { key, kind, release }
  }
  if (kind === 'undone') {
    const { markId } = parse(Tombstone.pick({ markId: true }), document, key)
    expectEqual(key, 'its place', undoneKey(sourceId, folder, markId), key)
    return { key, kind, tombstone: { sourceId, backupId: folder, targetId: target.id, markId } }
  }
  const tombstone = parse(Tombstone, document, key)
  expectEqual(key, 'its place', tombstoneKey(tombstone.sourceId, tombstone.backupId, tombstone.markId), key)
  expectEqual(key, 'target', target.id, tombstone.targetId)
  return { key, kind, tombstone }
}

function readJson(bytes: Buffer, key: string): unknown {
  try {
    return JSON.parse(bytes.toString())
  } catch (cause) {
    throw new LifeboatError('MANIFEST_TAMPERED', { key, problem: 'it is no JSON' }, { cause })
  }
}

async function manifestFacts(
  target: Target,
  receipt: Receipt,
  bytes: Buffer,
  opts: ReadOptions,
): Promise<BackupFact[]> {
  const { key } = receipt
  const manifest = await openManifest(bytes, key, { fleetId: opts.fleetId, signers: opts.keys })
  const { backupId, sourceId, policyId, agentId, kind, runId, startedAt, snapshotAt, sealedAt } = manifest
  const { targets, requiredCopies, summary, physical, files, exports, set, recipients } = manifest
  const about = { backupId, sourceId, policyId, agentId, kind, bytes: backupBytes(manifest), ...(set && { set }) }
  const more = { ...(physical && { physical }), ...(files && { files }), ...(exports && { exports }) }
  const times = { startedAt, snapshotAt, sealedAt }
  const digest = { sha256: sha256Of(bytes) }
  const until = await lockedUntil(target, manifest, opts.signal)
  const copy = { targetId: target.id, storedAt: storedAt(receipt) ?? sealedAt, ...(until && { lockedUntil: until }) }
  return [
    {
      subject: 'backup.sealed',
      data: { ...about, runId, ...times, summary, ...more, manifest: digest, targets, requiredCopies, recipients },
    },
    { subject: 'copy.stored', data: { ...about, ...copy } },
  ]
}

async function evidenceFacts(
  target: Target,
  key: string,
  bytes: Buffer,
  opts: ReadOptions,
  manifests: Manifests,
): Promise<BackupFact[]> {
  const { signer, document } = await verifySigned(bytes.toString(), 'lifeboat-evidence', opts.keys)
  const evidence = parse(Evidence, document, key)
  const { sourceId, backupId, drillId, targetId, verdict, reasons, wal, finishedAt, recoveryMs, phases } = evidence
  expectEqual(key, 'its place', evidenceKey(sourceId, backupId, drillId), key)
  expectEqual(key, 'signer', evidence.verifierId, signer)
  expectEqual(key, 'fleet', opts.fleetId, evidence.fleetId)
  expectEqual(key, 'target', target.id, targetId)
  // A proof is about the bytes of one manifest; beside another one it proves nothing.
  if (verdict === 'proven')
    expectEqual(key, 'manifest digest', await manifests.get(nameIn(key)), evidence.manifestSha256)
  const hints = hintsOf(evidence)
  const measured = { ...(recoveryMs !== undefined && { recoveryMs }), ...(hints.length > 0 && { hints }), phases }
  const told = { drillId, backupId, sourceId, targetId, verdict, reasons, finishedAt, ...(wal && { wal }), ...measured }
  return [{ subject: 'drill.finished', data: told }]
}

/** `records/backups/2026…/manifest.json` and `records/drills/2026…/….json` → `records/2026…` */
function nameIn(key: string): string {
  const [source, , backup] = key.split('/')
  return `${source}/${backup}`
}

function sha256Of(bytes: Buffer): Sha256 {
  return createHash('sha256').update(bytes).digest('hex') as Sha256
}

function parse<T>(schema: { parse: (value: unknown) => T }, document: unknown, key: string): T {
  try {
    return schema.parse(document)
  } catch (cause) {
    throw new LifeboatError('MANIFEST_TAMPERED', { key, problem: 'the document does not have its shape' }, { cause })
  }
}

function expectEqual(key: string, what: string, expected: string | undefined, found: string | undefined): void {
  if (expected === found) return
  const problem = `${what} is ${found ?? 'missing'}, expected ${expected ?? 'a trusted manifest beside it'}`
  throw new LifeboatError('MANIFEST_TAMPERED', { key, problem })
}

function storedAt(receipt: Receipt): Moment | undefined {
  const ms = Date.parse(receipt.storedAt ?? '')
  return Number.isNaN(ms) ? undefined : moment(ms)
}
