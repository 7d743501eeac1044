import { createHash } from 'node:crypto'
import { Evidence } from '@lifeboat/shared/domain/drill.ts'
import { type FleetId, type Moment, moment, type Sha256 } from '@lifeboat/shared/domain/ids.ts'
import { evidenceKey } from '@lifeboat/shared/domain/keys.ts'
import { backupBytes } from '@lifeboat/shared/domain/manifest.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { openManifest } from '@lifeboat/shared/signing/open-manifest.ts'
import { type PublicKeys, verifySigned } from '@lifeboat/shared/signing/signing.ts'
import { LONGEST_EVIDENCE_BYTES, LONGEST_MANIFEST_BYTES, readSmall } from '@lifeboat/storage/read-small.ts'
import type { Receipt, Target } from '@lifeboat/storage/target.ts'
import type { Catalog } from './catalog.ts'
import { mapAhead } from './map-ahead.ts'
import type { BackupFact } from './project.ts'

/** What one document at a target tells: facts one can trust, or why it cannot be trusted. */
export type Finding =
  | { key: string; kind: 'manifest' | 'evidence'; facts: BackupFact[] }
  | { key: string; kind: 'untrusted'; error: LifeboatError }

export interface RebuildReport {
  backups: number
  drills: number
  /** Documents whose signature, place or shape is wrong. They were not taken into the catalogue. */
  untrusted: { key: string; error: LifeboatError }[]
}

export interface ReadOptions {
  /** Public keys of agents and verifiers (`signers` in lifeboat.yaml). */
  keys: PublicKeys
  fleetId: FleetId
  signal: AbortSignal
}

const AT_ONCE = 16

/**
 * Fills a catalogue from one target alone: the buckets are the truth. What the catalogue knows already stays; applying twice changes nothing.
 *
 * @throws LifeboatError of the target when it cannot be read; then the catalogue holds what was read until then
 */
export async function rebuildCatalog(catalog: Catalog, target: Target, opts: ReadOptions): Promise<RebuildReport> {
  const report: RebuildReport = { backups: 0, drills: 0, untrusted: [] }
  for await (const finding of readTarget(target, opts)) {
    if (finding.kind === 'untrusted') {
      report.untrusted.push({ key: finding.key, error: finding.error })
      continue
    }
    for (const fact of finding.facts) await catalog.apply(fact)
    report[finding.kind === 'manifest' ? 'backups' : 'drills'] += 1
  }
  return report
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

type Found = { kind: 'manifest' | 'evidence'; receipt: Receipt }

async function* keysOf(target: Target, signal: AbortSignal): AsyncGenerator<Found> {
  for await (const receipt of target.list('', { signal })) {
    if (/^[^/]+\/backups\/[^/]+\/manifest\.json$/.test(receipt.key)) yield { kind: 'manifest', receipt }
    else if (/^[^/]+\/drills\/[^/]+\/[^/]+\.json$/.test(receipt.key)) yield { kind: 'evidence', receipt }
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

async function manifestFacts(
  target: Target,
  receipt: Receipt,
  bytes: Buffer,
  opts: ReadOptions,
): Promise<BackupFact[]> {
  const { key } = receipt
  const manifest = await openManifest(bytes, key, { fleetId: opts.fleetId, signers: opts.keys })
  const { backupId, sourceId, policyId, agentId, kind, runId, startedAt, snapshotAt, sealedAt } = manifest
  const { targets, requiredCopies, summary, physical, files, exports } = manifest
  const about = { backupId, sourceId, policyId, agentId, kind, bytes: backupBytes(manifest) }
  const more = { ...(physical && { physical }), ...(files && { files }), ...(exports && { exports }) }
  const times = { startedAt, snapshotAt, sealedAt }
  const digest = { sha256: sha256Of(bytes) }
  return [
    {
      subject: 'backup.sealed',
      data: { ...about, runId, ...times, summary, ...more, manifest: digest, targets, requiredCopies },
    },
    { subject: 'copy.stored', data: { ...about, targetId: target.id, storedAt: storedAt(receipt) ?? sealedAt } },
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
  const { sourceId, backupId, drillId, targetId, verdict, reasons, wal, finishedAt, recoveryMs } = evidence
  expectEqual(key, 'its place', evidenceKey(sourceId, backupId, drillId), key)
  expectEqual(key, 'signer', evidence.verifierId, signer)
  expectEqual(key, 'fleet', opts.fleetId, evidence.fleetId)
  expectEqual(key, 'target', target.id, targetId)
  // A proof is about the bytes of one manifest; beside another one it proves nothing.
  if (verdict === 'proven')
    expectEqual(key, 'manifest digest', await manifests.get(nameIn(key)), evidence.manifestSha256)
  const measured = recoveryMs === undefined ? {} : { recoveryMs }
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
