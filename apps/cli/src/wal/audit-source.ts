import type { WalDamage } from '@lifeboat/catalog/audit/buckets.ts'
import { isGivenUp } from '@lifeboat/catalog/audit/wal-stuck.ts'
import { type BrokenWal, brokenWal } from '@lifeboat/catalog/broken-wal.ts'
import type { Catalog } from '@lifeboat/catalog/catalog.ts'
import { anchorsOf, physicalRows } from '@lifeboat/catalog/objectives-window.ts'
import { type WalRecord, wayOf } from '@lifeboat/catalog/wal-record.ts'
import type { WalConfig } from '@lifeboat/config/schema/wal.ts'
import type { SourceId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import { isLetGo, type LetGoWord, type WalState } from '@lifeboat/shared/domain/wal.ts'
import { auditWal, type WalAudit, type WalVerdict } from '@lifeboat/shared/domain/wal-audit.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { WalListing } from './list-wal.ts'

/** A piece may be compressed, encrypted and carried for this long after its timer. */
const GRACE_MS = 30_000
/** initdb's default; only where neither agent nor catalogue knows better. */
const SEGMENT_BYTES = 16 * 1024 ** 2

/** The answer about one target: what it holds, or why it could not be asked. */
export type TargetAudit = { targetId: TargetId; verdict: WalVerdict | 'unreachable' } & (
  | ({
      verdict: WalVerdict
      objects: number
      bytes: number
      strange: string[]
      marked: boolean
      /** What reading back and looking for names found, and nobody could mend yet. */
      damaged: WalDamage[]
      broken?: BrokenWal
    } & WalAudit)
  | { verdict: 'unreachable'; error: LifeboatError }
)

export interface SourceAudit {
  sourceId: SourceId
  /** The end of what the server has written, as its agent last said. */
  serverLsn?: string
  /** Whether any stored base leads into this WAL. */
  based: boolean
  segmentBytes: number
  targets: TargetAudit[]
}

export interface AuditFacts {
  sourceId: SourceId
  wal: WalConfig
  state: WalState | undefined
  record: WalRecord | undefined
  /** Of this source, as looks found them. */
  damages: readonly WalDamage[]
  /** Up to where each target let go of it, by whoever knows. */
  letGo: ReadonlyMap<TargetId, readonly LetGoWord[]>
  catalog: Catalog
  /** In the order they are shown; those that could not be listed with their error. */
  listings: readonly (WalListing | { targetId: TargetId; error: LifeboatError })[]
  /** Only these are judged; the others serve to know what they could fill in. */
  asked: readonly TargetId[]
  nowMs: number
}

/** Judges each target by its own listing, the others' and what the agent knows. */
export async function auditSource(facts: AuditFacts): Promise<SourceAudit> {
  const { sourceId, state, record, damages, letGo, catalog, listings, asked, wal, nowMs } = facts
  const summary = await catalog.summary(sourceId)
  const anchors = anchorsOf(summary)
  // Names do not tell whether the contents are good; drills read them.
  const found = brokenWal(physicalRows(summary))
  const newest = anchors.at(-1)
  const told = newest && (await catalog.get(newest.backupId, sourceId))?.physical?.segmentBytes
  const segmentBytes = state?.segmentBytes ?? told ?? SEGMENT_BYTES
  const listed = listings.filter((listing) => 'objects' in listing)
  const targets = listings.flatMap((listing): TargetAudit[] => {
    const { targetId } = listing
    if (!asked.includes(targetId)) return []
    if ('error' in listing) return [{ targetId, verdict: 'unreachable', error: listing.error }]
    const gone = letGo.get(targetId) ?? []
    const bases = anchors
      // A base from before the archive began needs nothing of it.
      .filter((anchor) => anchor.targets.includes(targetId) && anchor.endMs >= (listing.since ?? 0))
      // What the target let go is not missing there.
      .filter(({ timeline, endLsn }) => !gone.some((word) => isLetGo(word, { timeline, end: endLsn })))
      .map(({ timeline, endLsn }) => ({ timeline, lsn: endLsn }))
    const others = listed.filter((other) => other !== listing)
    const holes = record?.holes ?? []
    const question = { segmentBytes, holes, branches: [], flushEveryMs: wal.flushEvery, graceMs: GRACE_MS, nowMs }
    const audit = auditWal({ ...question, target: listing, others, bases, state, letGo: gone })
    const { objects, bytes, strange } = listing
    const damaged = damages.filter((damage) => damage.targetId === targetId && damage.mended === undefined)
    const about = { objects: objects.length, bytes, strange, marked: listing.since !== undefined, damaged }
    const broken = found.find((one) => one.targetId === targetId)
    const open = damaged.filter((damage) => !isGivenUp(damage, bases, { segmentBytes, way: state && wayOf(state) }))
    const isLost = audit.verdict === 'lost' || open.some(({ stuck }) => stuck?.reason === 'nowhere')
    const isBad = broken?.verdict === 'failed' || open.length > 0
    const verdict = isLost ? 'lost' : isBad ? 'missing' : audit.verdict
    return [{ ...audit, ...about, verdict, ...(broken && { broken }) }]
  })
  return { sourceId, ...(state && { serverLsn: state.serverLsn }), based: anchors.length > 0, segmentBytes, targets }
}

/** The errors of a target are an answer; anything else is not. */
export function targetError(thrown: unknown): LifeboatError {
  const err = LifeboatError.from(thrown)
  if (err.code.startsWith('TARGET_') || err.code === 'CONFIG_SECRET_MISSING') return err
  throw err
}
