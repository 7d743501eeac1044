import { createHash } from 'node:crypto'
import type { SourceId } from '@lifeboat/shared/domain/ids.ts'
import type { StayedCounts } from './buckets.ts'
import type { ExpiryPlanner, SourcePlan } from './planner.ts'
import { type CopyDecision, type ExpiryDecision, NOT_SURE } from './question.ts'

/** More of them say nothing new to a person. */
const MOST_DOUBTS = 20

/** What a plan comes to, without the decisions about single copies. */
export class PlanSummary {
  /** Copies not hidden yet that are to go. */
  going = 0
  bytes = 0
  wal = 0
  /** Why a person must confirm it. */
  readonly excess: string[] = []
  readonly #doubts = new Set<string>()
  readonly #digests = new Map<SourceId, string>()
  readonly #stayed = new Map<SourceId, StayedCounts>()

  add({ sourceId, going, bytes, wal, excess, decision, digest, stayed }: SourcePlan): void {
    this.going += going.filter(({ marked }) => !marked).length
    this.bytes += bytes
    this.wal += wal.length
    this.excess.push(...excess)
    for (const copy of decision.copies) this.#note(copy)
    if (digest !== undefined) this.#digests.set(sourceId, digest)
    this.#stayed.set(sourceId, stayed)
  }

  /** The same as long as the same copies and the same WAL are to go. */
  get digest(): string {
    const digest = createHash('sha256')
    for (const [sourceId, own] of [...this.#digests].sort(([a], [b]) => (a < b ? -1 : 1)))
      digest.update(`${sourceId} ${own}\n`)
    return digest.digest('hex').slice(0, 16)
  }

  /** What is not known, each once: for its sake copies stay. */
  get doubts(): string[] {
    return [...this.#doubts]
  }

  /** Of sources of which something goes, by source; see `SourcePlan`. */
  get digests(): ReadonlyMap<SourceId, string> {
    return this.#digests
  }

  /** What of each source stays, also where nothing goes. */
  get stayed(): ReadonlyMap<SourceId, StayedCounts> {
    return this.#stayed
  }

  #note({ do: verdict, reasons }: CopyDecision): void {
    if (verdict !== 'keep' || !reasons[0]?.startsWith(NOT_SURE)) return
    for (const reason of reasons) if (this.#doubts.size < MOST_DOUBTS) this.#doubts.add(reason.slice(NOT_SURE.length))
  }
}

/** Every decision, to be shown. */
export interface ExpiryPlan extends Pick<SourcePlan, 'going' | 'returning' | 'wal' | 'bytes' | 'excess'> {
  digest: string
  /** In the order of the names of their sources. */
  decisions: ExpiryDecision[]
}

/** Holds all of it: what only has to be carried out goes source after source instead. */
export async function planExpiry(planner: ExpiryPlanner): Promise<ExpiryPlan> {
  const summary = new PlanSummary()
  const plans = await Array.fromAsync(planner.sources())
  for (const plan of plans) summary.add(plan)
  plans.sort((a, b) => (a.sourceId < b.sourceId ? -1 : 1))
  const { digest, bytes } = summary
  return {
    ...{ digest, bytes },
    decisions: plans.map(({ decision }) => decision),
    going: plans.flatMap(({ going }) => going),
    returning: plans.flatMap(({ returning }) => returning),
    wal: plans.flatMap(({ wal }) => wal),
    excess: plans.flatMap(({ excess }) => excess),
  }
}
