import { createHash } from 'node:crypto'
import type { Bucket } from '@lifeboat/shared/bus/bus.ts'
import type { BackupRecord } from '@lifeboat/shared/domain/backup.ts'
import type { Moment, PolicyId, SourceId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { Hold } from '@lifeboat/shared/domain/retention.ts'
import { type Path, pathTold } from '@lifeboat/shared/domain/timelines.ts'
import type { WalState } from '@lifeboat/shared/domain/wal.ts'
import type { Catalog } from '../catalog.ts'
import { candidateOf } from './candidate.ts'
import { decideExpiry } from './decide.ts'
import type { Knowledge } from './knowledge.ts'
import type { Candidate, CopyDecision, ExpiryDecision, KeepRules, WalDecision } from './question.ts'
import { type DecidedSource, settleSets } from './sets.ts'

/** What the configuration says about keeping. */
export interface Keeping {
  rulesOf(policyId: PolicyId, targetId: TargetId): KeepRules | undefined
  /** Milliseconds by source, of each whose WAL is kept; undefined: all of it stays. */
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
  /** Of sources whose way is known. */
  walPaths: ReadonlyMap<SourceId, Path>
  sources: readonly SourceId[]
  keeping: Keeping
  knowledge: Knowledge
  nowMs: number
}

/**
 * Decides about one source after the other, then again about those whose sets keep more than they would themselves; the records of one are in memory at a time, and
 * the members of sets of all.
 */
export async function planExpiry(deps: PlanDeps): Promise<ExpiryPlan> {
  const plans = await planTogether(deps)
  const own = [...deps.sources].sort().flatMap((sourceId) => plans.get(sourceId) ?? [])
  const plan: ExpiryPlan = {
    digest: '',
    decisions: own.map(({ decision }) => decision),
    going: own.flatMap(({ going }) => going),
    returning: own.flatMap(({ returning }) => returning),
    wal: own.flatMap(({ wal }) => wal),
    bytes: own.reduce((sum, { bytes }) => sum + bytes, 0),
    excess: own.flatMap(({ excess }) => excess),
  }
  const digest = createHash('sha256')
  for (const { sourceId, backupId, targetId } of plan.going) digest.update(`${sourceId} ${backupId} ${targetId}\n`)
  for (const { sourceId, targetId, timeline, before } of plan.wal)
    digest.update(`${sourceId} wal ${targetId} ${timeline} ${before}\n`)
  plan.digest = digest.digest('hex').slice(0, 16)
  return plan
}

type SourcePlan = DecidedSource &
  Pick<ExpiryPlan, 'going' | 'returning' | 'wal' | 'bytes' | 'excess'> & { decision: ExpiryDecision }

/** The sources asked for, and those that share sets with them. */
async function planTogether(deps: PlanDeps): Promise<Map<SourceId, SourcePlan>> {
  const plans = new Map<SourceId, SourcePlan>()
  const queue = [...deps.sources]
  for (let sourceId = queue.pop(); sourceId !== undefined; sourceId = queue.pop()) {
    if (plans.has(sourceId)) continue
    const plan = await planSource(deps, sourceId, undefined)
    plans.set(sourceId, plan)
    queue.push(...new Set(plan.members.flatMap(({ set }) => set?.members.map((member) => member.sourceId) ?? [])))
  }
  await settleSets(plans, deps.keeping.rulesOf, (sourceId, ties) => planSource(deps, sourceId, ties))
  return plans
}

async function planSource(
  deps: PlanDeps,
  sourceId: SourceId,
  ties: ReadonlyMap<string, readonly string[]> | undefined,
): Promise<SourcePlan> {
  const records = await Array.fromAsync(deps.catalog.all({ sourceId }))
  const backups = records.flatMap((record) => candidateOf(record) ?? [])
  const decision = decideSource(deps, sourceId, backups, ties)
  const members = backups.filter(({ set }) => set !== undefined)
  const plan: SourcePlan = { sourceId, decision, members, going: [], returning: [], wal: [], bytes: 0, excess: [] }
  const byId = new Map(records.map((record) => [record.backupId, record]))
  for (const copy of decision.copies) sortInto(plan, sourceId, copy, byId.get(copy.backupId))
  for (const wal of decision.wal) plan.wal.push({ sourceId, ...wal, ...anchorFacts(byId.get(wal.anchor)) })
  plan.excess.push(...excessOf(sourceId, decision.copies, deps.keeping.maxShare))
  return plan
}

function decideSource(
  deps: PlanDeps,
  sourceId: SourceId,
  backups: readonly Candidate[],
  ties: ReadonlyMap<string, readonly string[]> | undefined,
): ExpiryDecision {
  const { keeping, knowledge, nowMs } = deps
  const decision = decideExpiry({
    sourceId,
    rulesOf: keeping.rulesOf,
    backups,
    ties,
    holds: deps.holds.filter((hold) => hold.sourceId === sourceId && hold.released === undefined),
    walWindowMs: keeping.walWindowMs[sourceId],
    walPath: deps.walPaths.get(sourceId),
    nowMs,
    doubts: [...knowledge.all, ...knowledge.source(sourceId)],
    targetDoubts: targetDoubts(knowledge, backups),
  })
  return sourceId in keeping.walWindowMs ? decision : { ...decision, walKept: [] }
}

/** A target nobody configures any more cannot be asked, and its data is nobody's business here. */
function targetDoubts({ target }: Knowledge, backups: readonly Candidate[]): Knowledge['target'] {
  const held = new Set(backups.flatMap(({ copies }) => copies.map(({ targetId }) => targetId)))
  const known = [...held].map((id) => [id, target[id] ?? [`${id} is not configured any more; what lies there stays`]])
  return Object.fromEntries(known) as Knowledge['target']
}

function sortInto(
  plan: Pick<SourcePlan, 'going' | 'returning' | 'bytes'>,
  sourceId: SourceId,
  copy: CopyDecision,
  record: BackupRecord | undefined,
): void {
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

export async function readWalPaths(bucket: Pick<Bucket<WalState>, 'entries'>): Promise<Map<SourceId, Path>> {
  const paths = new Map<SourceId, Path>()
  for await (const { value } of bucket.entries()) {
    const path = pathTold(value)
    if (path) paths.set(value.sourceId, path)
  }
  return paths
}
