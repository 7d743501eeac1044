import type { BackupId, RunId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { DrillNote } from './drill-notes.ts'

/** Rather another target than no proof: so long the target whose turn it is may be away. */
const TURN_WAITS_MS = 3_600_000
/** An inconclusive drill is asked for again after this, doubling up to a day, for as long as it takes. */
const AGAIN_AFTER_MS = 30 * 60_000
const AGAIN_AFTER_AT_MOST_MS = 24 * 3_600_000
/** A wish waits a fortnight at most on its stream; a drill without a verdict for this long is asked for again before or after that. */
const UNHEARD_OF_AFTER_MS = 7 * 24 * 3_600_000

export interface DrillQuestion {
  backupId: BackupId
  mode: 'rotate' | 'each'
  /** All targets of the policy, in its order: the order of turns. */
  targets: readonly TargetId[]
  /** Targets that hold a complete copy of this backup. */
  stored: readonly TargetId[]
  sealedMs: number
  /** Drills asked for so far: of this backup and of the plan's earlier ones, any order. */
  notes: readonly DrillNote[]
  nowMs: number
}

export interface DrillChoice {
  targetId: TargetId
  /** Distinguishes the run id of a repeated drill from the first. */
  occasion: string
  /** Of a drill that was asked for and never heard of again: the same drill, not another. */
  runId?: RunId
  reason: string
}

/**
 * Which copies of one backup are to be drilled now. Every backup is drilled, however late its copies come and however long the
 * backlog is; nothing is asked for twice.
 *
 * `each`: every copy, once it is stored. `rotate`: the target whose turn it is; when its copy is not there an hour after sealing,
 * the next one in turn that has it, and the first still gets its drill when the copy comes after all.
 */
export function chooseDrills(question: DrillQuestion): DrillChoice[] {
  const own = question.notes.filter((note) => note.backupId === question.backupId)
  return [...firstDrills(question, own), ...repeatedDrills(question, own)]
}

function firstDrills(question: DrillQuestion, own: readonly DrillNote[]): DrillChoice[] {
  const { mode, stored, nowMs, sealedMs } = question
  const fresh = stored.filter((targetId) => !own.some((note) => note.targetId === targetId))
  if (mode === 'each') return fresh.map((targetId) => first(targetId, 'each copy is drilled'))
  const turns = inTurn(question)
  const [turn] = turns
  if (turn === undefined) return []
  if (fresh.includes(turn)) return [first(turn, own.length === 0 ? 'its turn' : 'its turn; the copy came late')]
  if (stored.includes(turn) || own.length > 0 || nowMs - sealedMs < TURN_WAITS_MS) return []
  const next = turns.find((targetId) => fresh.includes(targetId))
  return next === undefined ? [] : [first(next, `in place of ${turn}, whose copy is not there yet`)]
}

/** Least recently drilled for an earlier backup first; never drilled before that, in the policy's order. */
function inTurn({ targets, notes, backupId }: DrillQuestion): TargetId[] {
  const lastTurn = (targetId: TargetId) =>
    notes
      .filter((note) => note.targetId === targetId && note.backupId < backupId)
      .map((note): string => note.backupId)
      .sort()
      .at(-1) ?? ''
  return [...targets].sort((a, b) => compare(lastTurn(a), lastTurn(b)))
}

function repeatedDrills({ stored, nowMs }: DrillQuestion, own: readonly DrillNote[]): DrillChoice[] {
  return stored.flatMap((targetId) => {
    const asked = own.filter((note) => note.targetId === targetId).sort((a, b) => compare(a.askedAt, b.askedAt))
    const last = asked.at(-1)
    if (last !== undefined && last.verdict === undefined) return unheardOf(last, asked.length, nowMs)
    if (last?.verdict !== 'inconclusive' || last.finishedAt === undefined) return []
    const pauseMs = Math.min(AGAIN_AFTER_MS * 2 ** (asked.length - 1), AGAIN_AFTER_AT_MOST_MS)
    if (nowMs - Date.parse(last.finishedAt) < pauseMs) return []
    return [
      { targetId, occasion: `again-${asked.length}`, reason: `drill ${asked.length} of this copy was inconclusive` },
    ]
  })
}

/** A verifier that has drilled it after all finds its evidence and only says the verdict again. */
function unheardOf({ targetId, runId, askedAt }: DrillNote, nth: number, nowMs: number): DrillChoice[] {
  if (nowMs - Date.parse(askedAt) < UNHEARD_OF_AFTER_MS) return []
  const reason = `asked for on ${askedAt} and never heard of again`
  return [{ targetId, occasion: nth === 1 ? 'first' : `again-${nth - 1}`, runId, reason }]
}

function first(targetId: TargetId, reason: string): DrillChoice {
  return { targetId, occasion: 'first', reason }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
