import { createHash } from 'node:crypto'
import type { BackupRecord, Copy } from '@lifeboat/shared/domain/backup.ts'
import type { BackupId, Moment, PolicyId, SourceId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { Hold } from '@lifeboat/shared/domain/retention.ts'
import type { Path } from '@lifeboat/shared/domain/timelines.ts'
import type { Catalog } from '../catalog.ts'
import type { Stayed, StayedCounts } from './buckets.ts'
import { candidateOf } from './candidate.ts'
import { decideExpiry } from './decide.ts'
import type { Knowledge } from './knowledge.ts'
import {
  type Candidate,
  type CopyDecision,
  type ExpiryDecision,
  type KeepRules,
  NOT_SURE,
  type WalDecision,
} from './question.ts'
import { type DecidedSource, settleSets, type Ties } from './sets.ts'
import { excessOf, sharesOf, stayedOf } from './stayed.ts'
import { stillNeeded } from './still-needed.ts'

/** What the configuration says about keeping. */
export interface Keeping {
  rulesOf(policyId: PolicyId, targetId: TargetId): KeepRules | undefined
  /** Milliseconds by source, of each whose WAL is kept; undefined: all of it stays. */
  walWindowMs: Readonly<Record<SourceId, number | undefined>>
  /** Of what stayed of a policy at a target the last time, more than this share goes only if a person says so. */
  maxShare: number
}

/** A copy that is to go, and how far it has gone already. */
export interface Going extends CopyDecision {
  sourceId: SourceId
  /** Of the mark that hides it. */
  removeAfter?: Moment | undefined
  marked: boolean
  /** By a copy that is still at the same target, hidden or not. */
  needed: boolean
}

export interface PlannedWal extends WalDecision {
  sourceId: SourceId
  anchorAtMs: number
  segmentBytes: number
}

/** What is to become of one source. */
export interface SourcePlan {
  sourceId: SourceId
  decision: ExpiryDecision
  going: Going[]
  /** Hidden, and to stay after all. */
  returning: (CopyDecision & { sourceId: SourceId })[]
  wal: PlannedWal[]
  /** Of copies not hidden yet. */
  bytes: number
  /** Why a person must confirm it. */
  excess: string[]
  /** To be remembered once it is let go. */
  stayed: StayedCounts
  /** The same as long as the same copies and the same WAL are to go; undefined: nothing is. */
  digest: string | undefined
}

export interface PlanDeps {
  catalog: Pick<Catalog, 'all'>
  holds: readonly Hold[]
  /** Of sources whose way is known. */
  walPaths: ReadonlyMap<SourceId, Path>
  /** When each was last let go from. */
  stayed: ReadonlyMap<SourceId, Stayed>
  sources: readonly SourceId[]
  keeping: Keeping
  knowledge: Knowledge
  nowMs: number
}

/** Decides about one source after the other: the records of one are in memory at a time, and the members of sets of all. */
export class ExpiryPlanner {
  readonly #deps: PlanDeps
  #ties: Ties = new Map()

  constructor(deps: PlanDeps) {
    this.#deps = deps
  }

  /** What is not known and may be soon. */
  get passing(): readonly string[] {
    return this.#deps.knowledge.passing
  }

  /** Each source that was asked for, once. Those with members of sets come last: what their sets keep is known when all of them were looked at. */
  async *sources(): AsyncGenerator<SourcePlan> {
    const asked = new Set(this.#deps.sources)
    const tied = new Map<SourceId, DecidedSource>()
    const seen = new Set<SourceId>()
    this.#ties = new Map()
    const queue = [...asked]
    for (let sourceId = queue.pop(); sourceId !== undefined; sourceId = queue.pop()) {
      if (seen.has(sourceId)) continue
      seen.add(sourceId)
      const { plan, members } = await this.#decide(sourceId)
      if (members.length > 0) {
        tied.set(sourceId, ofMembers(plan, members))
        queue.push(...new Set(members.flatMap(({ set }) => set?.members.map((member) => member.sourceId) ?? [])))
      } else if (asked.has(sourceId)) yield plan
    }
    const decideAgain = async (sourceId: SourceId) => {
      const { plan, members } = await this.#decide(sourceId)
      return ofMembers(plan, members)
    }
    const { keeping, nowMs } = this.#deps
    await settleSets(tied, { rulesOf: keeping.rulesOf, nowMs }, decideAgain, this.#ties)
    for (const sourceId of tied.keys()) if (asked.has(sourceId)) yield await this.again(sourceId)
  }

  /** One of them once more, by what the catalogue knows now. */
  async again(sourceId: SourceId): Promise<SourcePlan> {
    return (await this.#decide(sourceId)).plan
  }

  async #decide(sourceId: SourceId): Promise<{ plan: SourcePlan; members: Candidate[] }> {
    const backups: Candidate[] = []
    const facts = new Map<BackupId, RecordFacts>()
    for await (const record of this.#deps.catalog.all({ sourceId })) {
      const candidate = candidateOf(record)
      if (candidate === undefined) continue
      backups.push(candidate)
      const own = factsOf(record)
      if (own) facts.set(record.backupId, own)
    }
    const decision = decideSource(this.#deps, sourceId, backups, this.#ties.get(sourceId))
    const plan: SourcePlan = {
      ...{ sourceId, decision, going: [], returning: [], wal: [], bytes: 0, digest: undefined },
      ...this.#comparedWithBefore(sourceId, decision, facts),
    }
    const needed = stillNeeded(backups)
    for (const copy of decision.copies) {
      const { backupId, targetId } = copy
      const isNeeded = needed.get(targetId)?.has(backupId) === true
      sortInto(plan, copy, { hidden: hiddenOf(facts, copy), needed: isNeeded })
    }
    for (const wal of decision.wal) plan.wal.push({ sourceId, ...wal, ...anchorFacts(facts.get(wal.anchor)) })
    plan.digest = digestOf(plan)
    return { plan, members: backups.filter(({ set }) => set !== undefined) }
  }

  #comparedWithBefore(
    sourceId: SourceId,
    { copies }: ExpiryDecision,
    facts: ReadonlyMap<BackupId, RecordFacts>,
  ): Pick<SourcePlan, 'excess' | 'stayed'> {
    const { holds, keeping, stayed } = this.#deps
    const before = stayed.get(sourceId)?.stayed
    const shares = sharesOf(copies, (copy) => hiddenOf(facts, copy) !== undefined)
    const isHeld = holds.some((hold) => hold.sourceId === sourceId && !hold.backupId && !hold.released)
    return {
      excess: excessOf(sourceId, shares, before, keeping.maxShare),
      stayed: stayedOf(shares, before, { isHeld }),
    }
  }
}

function hiddenOf(
  facts: ReadonlyMap<BackupId, RecordFacts>,
  { backupId, targetId }: Pick<CopyDecision, 'backupId' | 'targetId'>,
): RecordFacts['hidden'][TargetId] | undefined {
  return facts.get(backupId)?.hidden[targetId]
}

function ofMembers({ sourceId, decision }: SourcePlan, members: readonly Candidate[]): DecidedSource {
  const own = new Set(members.map(({ backupId }) => backupId))
  return { sourceId, members, decision: { copies: decision.copies.filter(({ backupId }) => own.has(backupId)) } }
}

/** What of a record a plan needs beside its candidate. */
interface RecordFacts {
  hidden: Record<TargetId, { removeAfter?: Moment | undefined }>
  at: Moment
  segmentBytes: number | undefined
}

/** Of most records nothing is. */
function factsOf({ copies, snapshotAt, startedAt, physical }: BackupRecord): RecordFacts | undefined {
  const hidden = (Object.entries(copies) as [TargetId, Copy][]).flatMap(([targetId, { state, marks = {} }]) => {
    if (state !== 'marked') return []
    const { removeAfter } = Object.values(marks).find(({ undone }) => !undone) ?? {}
    return [[targetId, { removeAfter }] as const]
  })
  if (hidden.length === 0 && physical === undefined) return undefined
  return {
    hidden: Object.fromEntries(hidden) as RecordFacts['hidden'],
    at: snapshotAt ?? startedAt,
    segmentBytes: physical?.segmentBytes,
  }
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
  plan: Pick<SourcePlan, 'sourceId' | 'going' | 'returning' | 'bytes'>,
  copy: CopyDecision,
  { hidden, needed }: { hidden: { removeAfter?: Moment | undefined } | undefined; needed: boolean },
): void {
  const { sourceId } = plan
  const marked = hidden !== undefined
  if (copy.do === 'keep') {
    // What is not sure enough to let go is not sure enough to bring back either.
    if (marked && !copy.reasons.some((reason) => reason.startsWith(NOT_SURE)))
      plan.returning.push({ sourceId, ...copy })
    return
  }
  const removeAfter = hidden?.removeAfter
  plan.going.push({ sourceId, ...copy, marked, needed, ...(removeAfter && { removeAfter }) })
  if (!marked) plan.bytes += copy.bytes
}

function anchorFacts(facts: RecordFacts | undefined): Pick<PlannedWal, 'anchorAtMs' | 'segmentBytes'> {
  return {
    anchorAtMs: facts === undefined ? 0 : Date.parse(facts.at),
    segmentBytes: facts?.segmentBytes ?? 16 * 1024 ** 2,
  }
}

function digestOf({ going, wal }: Pick<SourcePlan, 'going' | 'wal'>): string | undefined {
  if (going.length + wal.length === 0) return undefined
  const digest = createHash('sha256')
  for (const { backupId, targetId } of going) digest.update(`${backupId} ${targetId}\n`)
  for (const { targetId, timeline, before } of wal) digest.update(`wal ${targetId} ${timeline} ${before}\n`)
  return digest.digest('hex')
}
