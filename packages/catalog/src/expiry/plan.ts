import { createHash } from 'node:crypto'
import type { Bucket } from '@lifeboat/shared/bus/bus.ts'
import type { BackupRecord } from '@lifeboat/shared/domain/backup.ts'
import type { Moment, PolicyId, SourceId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { Hold } from '@lifeboat/shared/domain/retention.ts'
import type { Catalog } from '../catalog.ts'
import { candidateOf } from './candidate.ts'
import { decideExpiry } from './decide.ts'
import type { Knowledge } from './knowledge.ts'
import type { CopyDecision, ExpiryDecision, KeepRules, WalDecision } from './question.ts'

/** What the configuration says about keeping. */
export interface Keeping {
  rulesOf(policyId: PolicyId, targetId: TargetId): KeepRules | undefined
  /** Milliseconds by source. */
  walWindowMs: Readonly<Record<SourceId, number | undefined>>
  /** More than this share of the copies of a source at a target goes only if a person says so. */
  maxShare: number
}

/** A copy that is to go, and how far it has gone already. */
export interface Going extends CopyDecision {
  sourceId: SourceId
  /** Of the mark that hides it. */
  removeAfter?: Moment | undefined
  marked: boolean
}

export interface PlannedWal extends WalDecision {
  sourceId: SourceId
  anchorAtMs: number
  segmentBytes: number
}

export interface ExpiryPlan {
  /** The same as long as the same copies and the same WAL are to go. */
  digest: string
  decisions: ExpiryDecision[]
  going: Going[]
  /** Hidden, and to stay after all. */
  returning: (CopyDecision & { sourceId: SourceId })[]
  wal: PlannedWal[]
  /** Of copies not hidden yet. */
  bytes: number
  /** Why a person must confirm it. */
  excess: string[]
}

export interface PlanDeps {
  catalog: Pick<Catalog, 'all'>
  holds: readonly Hold[]
  sources: readonly SourceId[]
  keeping: Keeping
  knowledge: Knowledge
  nowMs: number
}

/** Decides about one source after the other; the records of one are in memory at a time. */
export async function planExpiry(deps: PlanDeps): Promise<ExpiryPlan> {
  const plan: ExpiryPlan = { digest: '', decisions: [], going: [], returning: [], wal: [], bytes: 0, excess: [] }
  const digest = createHash('sha256')
  for (const sourceId of [...deps.sources].sort()) {
    const records = await Array.fromAsync(deps.catalog.all({ sourceId }))
    const decision = decideSource(deps, sourceId, records)
    plan.decisions.push(decision)
    const byId = new Map(records.map((record) => [record.backupId, record]))
    for (const copy of decision.copies) sortInto(plan, sourceId, copy, byId.get(copy.backupId))
    for (const wal of decision.wal) plan.wal.push({ sourceId, ...wal, ...anchorFacts(byId.get(wal.anchor)) })
    plan.excess.push(...excessOf(sourceId, decision.copies, deps.keeping.maxShare))
  }
  for (const { sourceId, backupId, targetId } of plan.going) digest.update(`${sourceId} ${backupId} ${targetId}\n`)
  for (const { sourceId, targetId, timeline, before } of plan.wal)
    digest.update(`${sourceId} wal ${targetId} ${timeline} ${before}\n`)
  plan.digest = digest.digest('hex').slice(0, 16)
  return plan
}

function decideSource(deps: PlanDeps, sourceId: SourceId, records: readonly BackupRecord[]): ExpiryDecision {
  const { keeping, knowledge, nowMs } = deps
  return decideExpiry({
    sourceId,
    rulesOf: keeping.rulesOf,
    backups: records.flatMap((record) => candidateOf(record) ?? []),
    holds: deps.holds.filter((hold) => hold.sourceId === sourceId && hold.released === undefined),
    walWindowMs: keeping.walWindowMs[sourceId],
    nowMs,
    doubts: [...knowledge.all, ...knowledge.source(sourceId)],
    targetDoubts: targetDoubts(knowledge, records),
  })
}

/** A target nobody configures any more cannot be asked, and its data is nobody's business here. */
function targetDoubts({ target }: Knowledge, records: readonly BackupRecord[]): Knowledge['target'] {
  const held = new Set(records.flatMap(({ copies }) => Object.keys(copies) as TargetId[]))
  const known = [...held].map((id) => [id, target[id] ?? [`${id} is not configured any more; what lies there stays`]])
  return Object.fromEntries(known) as Knowledge['target']
}

function sortInto(plan: ExpiryPlan, sourceId: SourceId, copy: CopyDecision, record: BackupRecord | undefined): void {
  const known = record?.copies[copy.targetId]
  const marked = known?.state === 'marked'
  if (copy.do === 'keep') {
    // What is not sure enough to let go is not sure enough to bring back either.
    if (marked && !copy.reasons.some((reason) => reason.startsWith('not sure')))
      plan.returning.push({ sourceId, ...copy })
    return
  }
  const open = Object.values(known?.marks ?? {}).find(({ undone }) => !undone)
  plan.going.push({ sourceId, ...copy, marked, ...(open?.removeAfter && { removeAfter: open.removeAfter }) })
  if (!marked) plan.bytes += copy.bytes
}

function anchorFacts(record: BackupRecord | undefined): Pick<PlannedWal, 'anchorAtMs' | 'segmentBytes'> {
  const at = record?.snapshotAt ?? record?.startedAt
  return {
    anchorAtMs: at === undefined ? 0 : Date.parse(at),
    segmentBytes: record?.physical?.segmentBytes ?? 16 * 1024 ** 2,
  }
}

/** Few copies are decided about by their reasons alone. */
const FEW = 3

function excessOf(sourceId: SourceId, copies: readonly CopyDecision[], maxShare: number): string[] {
  return [...Map.groupBy(copies, ({ targetId }) => targetId)].flatMap(([targetId, own]) => {
    const going = own.filter((copy) => copy.do === 'let-go').length
    if (going <= FEW || going / own.length <= maxShare) return []
    return [`${going} of the ${own.length} backups of ${sourceId} at ${targetId} would go`]
  })
}

export async function readHolds(bucket: Pick<Bucket<Hold>, 'entries'>): Promise<Hold[]> {
  const holds: Hold[] = []
  for await (const { value } of bucket.entries()) holds.push(value)
  return holds
}
