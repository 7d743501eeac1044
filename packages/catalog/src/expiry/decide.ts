import type { BackupId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import { formatDuration } from '@lifeboat/shared/time/duration.ts'
import { doubtsAbout } from './doubts.ts'
import { misdated } from './misdated.ts'
import { choose, keepsNothing, rulesText } from './periods.ts'
import {
  type Candidate,
  type CandidateCopy,
  type CopyDecision,
  type ExpiryDecision,
  type ExpiryQuestion,
  type KeepRules,
  NOT_SURE,
} from './question.ts'
import { tieKey } from './sets.ts'
import { type Beginnings, beginnings, walDecision, windowAnchors } from './wal-window.ts'

/**
 * What may go of one source, and why each copy stays or goes. Decides nothing by time alone: rules choose among proven backups, and what they do not
 * choose goes only if nothing else speaks for it.
 *
 * Never lets go: a copy while anything is in doubt · what is held · what is younger than the minimum age · the newest proven backup of a kind, at each
 * target, and the newest that was proven from that target · what a backup that stays, or is still coming, cannot be restored without · the base the
 * WAL window begins with · an unproven backup nothing newer has replaced. Each of these is a property in decide.test.ts.
 */
export function decideExpiry(question: ExpiryQuestion): ExpiryDecision {
  const doubts = [...question.doubts, ...doubtsAbout(question)]
  const decision: ExpiryDecision = { sourceId: question.sourceId, copies: [], wal: [], walKept: [] }
  for (const shelf of shelvesOf(question)) {
    const { targetId } = shelf
    const own = [...doubts, ...(question.targetDoubts?.[targetId] ?? [])]
    const begins = beginnings(question, shelf)
    const reasons = own.length > 0 ? inDoubt(shelf, own) : reasonsToKeep(question, shelf, begins)
    const why = whyNot(question, targetId)
    for (const item of shelf.items) decision.copies.push(verdict(question, targetId, item, reasons, why))
    const wal = own.length > 0 ? { reason: own[0] as string } : walDecision(question, shelf, begins)
    if ('reason' in wal) decision.walKept.push({ targetId, reason: wal.reason })
    else decision.wal.push(wal)
  }
  return decision
}

/** One backup at one target. */
export interface Item {
  backup: Candidate
  copy: CandidateCopy
  /** Proven from any target: the bytes are the same everywhere, their digests were compared when they were stored. */
  countable: boolean
  /** By a clock that was wrong: it stays, and no rule counts it. */
  isMisdated: boolean
}

/** What one target has of the source, newest first; what is still coming has no decision but may need others. */
export interface Shelf {
  targetId: TargetId
  items: Item[]
  coming: Candidate[]
}

export type Reasons = Map<BackupId, string[]>

/** In the order of their names; a million backups are sorted once. */
function shelvesOf(question: ExpiryQuestion): Shelf[] {
  const wrong = misdated(question)
  const shelves = new Map<TargetId, Shelf>()
  for (const backup of question.backups.toSorted(newestFirst)) {
    const isMisdated = wrong.has(backup.backupId)
    const proven = backup.copies.some((one) => one.proven && one.state === 'there')
    for (const copy of backup.copies) {
      const { targetId, state } = copy
      const shelf = shelves.get(targetId) ?? { targetId, items: [], coming: [] }
      shelves.set(targetId, shelf)
      if (state === 'coming') shelf.coming.push(backup)
      else shelf.items.push({ backup, copy, countable: proven && state === 'there' && !isMisdated, isMisdated })
    }
  }
  return [...shelves.values()].sort((a, b) => (a.targetId < b.targetId ? -1 : 1))
}

function newestFirst(a: Candidate, b: Candidate): number {
  return b.atMs - a.atMs || (a.backupId < b.backupId ? 1 : -1)
}

function inDoubt({ items }: Shelf, doubts: readonly string[]): Reasons {
  const reasons = doubts.map((doubt) => `${NOT_SURE}${doubt}`)
  return new Map(items.map(({ backup }) => [backup.backupId, reasons]))
}

function reasonsToKeep(question: ExpiryQuestion, shelf: Shelf, begins: Beginnings): Reasons {
  const reasons: Reasons = new Map()
  const keep: Keep = ({ backup: { backupId } }, reason) => {
    const known = reasons.get(backupId)
    if (known) known.push(reason)
    else reasons.set(backupId, [reason])
  }
  for (const items of byPolicyAndKind(shelf.items)) keepByRules(question, shelf.targetId, items, keep)
  for (const items of Map.groupBy(shelf.items, ({ backup }) => backup.kind).values()) keepLastProven(items, keep)
  keepHeld(question, shelf, keep)
  for (const { item, reason } of windowAnchors(question, begins)) keep(item, reason)
  keepTied(question, shelf, keep)
  keepNeeded(shelf, reasons, keep)
  return reasons
}

type Keep = (item: Item, reason: string) => void

function byPolicyAndKind(items: readonly Item[]): Item[][] {
  const policies = [...Map.groupBy(items, ({ backup }) => backup.policyId).values()]
  return policies.flatMap((own) => [...Map.groupBy(own, ({ backup }) => backup.kind).values()])
}

function keepByRules(question: ExpiryQuestion, targetId: TargetId, items: readonly Item[], keep: Keep): void {
  const [first] = items
  const rules = first && question.rulesOf(first.backup.policyId, targetId)
  if (rules === undefined || keepsNothing(rules)) {
    const reason = rules ? 'the rules of its policy would keep nothing' : 'its policy has no rules for what to keep'
    for (const item of items) keep(item, reason)
    return
  }
  const countable = items.filter((item) => item.countable)
  keepChosen(countable, rules, keep)
  const hopeful = items.filter(({ copy, isMisdated }) => copy.state === 'there' && !isMisdated)
  keepChosen(hopeful, rules, (item, reason) => item.countable || keep(item, `not proven yet; would be ${reason}`))
  const newestMs = countable[0]?.backup.atMs ?? Number.NEGATIVE_INFINITY
  for (const item of items) {
    const { atMs } = item.backup
    if (item.isMisdated) {
      keep(item, 'its date lies in the future, by a clock that was wrong')
      continue
    }
    if (!item.countable && atMs >= newestMs) keep(item, 'no newer backup of its policy is proven')
    const ageMs = question.nowMs - Math.max(atMs, item.copy.storedMs ?? atMs)
    if (ageMs < rules.minAge) keep(item, `younger than ${formatDuration(rules.minAge)}`)
  }
}

function keepChosen(items: readonly Item[], rules: KeepRules, keep: Keep): void {
  const moments = items.map(({ backup }) => backup.atMs)
  for (const [i, reasons] of choose(moments, rules)) for (const reason of reasons) keep(items[i] as Item, reason)
}

function keepLastProven(items: readonly Item[], keep: Keep): void {
  const newest = items.find(({ countable }) => countable)
  if (newest) keep(newest, `the newest proven ${newest.backup.kind}`)
  const here = items.find(({ countable, copy }) => countable && copy.proven)
  if (here && here !== newest) keep(here, `the newest ${here.backup.kind} that was proven from this target`)
}

function keepHeld({ holds }: ExpiryQuestion, { items }: Shelf, keep: Keep): void {
  for (const { backupId, by, why } of holds)
    for (const item of items)
      if (backupId === undefined || backupId === item.backup.backupId) keep(item, `held by ${by}: ${why}`)
}

function keepTied({ ties }: ExpiryQuestion, { targetId, items }: Shelf, keep: Keep): void {
  if (ties === undefined) return
  for (const item of items)
    for (const reason of ties.get(tieKey(targetId, item.backup.backupId)) ?? []) keep(item, reason)
}

/** Follows what stays, and what is coming, to what it needs. */
function keepNeeded({ items, coming }: Shelf, reasons: Reasons, keep: Keep): void {
  const byId = new Map(items.map((item) => [item.backup.backupId, item]))
  const staying = items.filter(({ backup }) => reasons.has(backup.backupId))
  const waiting = [...coming, ...staying.map(({ backup }) => backup)]
  for (let child = waiting.pop(); child !== undefined; child = waiting.pop())
    for (const id of child.needs) {
      const item = byId.get(id)
      if (item === undefined) continue
      if (!reasons.has(id)) waiting.push(item.backup)
      keep(item, `${child.backupId} needs it`)
    }
}

/** A lock is no reason to keep a copy: one that stays is locked anew again and again, and would never go. */
function verdict(
  { nowMs }: ExpiryQuestion,
  targetId: TargetId,
  item: Item,
  keeping: Reasons,
  why: (item: Item) => string[],
): CopyDecision {
  const { backupId, policyId, kind, atMs, bytes } = item.backup
  const reasons = keeping.get(backupId)
  const about = { backupId, targetId, policyId, kind, atMs, bytes }
  if (reasons) return { ...about, do: 'keep', reasons }
  const { lockedUntilMs = nowMs } = item.copy
  return { ...about, do: 'let-go', reasons: why(item), ...(lockedUntilMs > nowMs && { lockedUntilMs }) }
}

/** Most of what goes goes for the same reason; it is written once. */
function whyNot(question: ExpiryQuestion, targetId: TargetId): (item: Item) => string[] {
  const known = new Map<string, Record<'old' | 'bad' | 'unproven', string[]>>()
  return ({ backup: { policyId }, countable, copy }) => {
    let reasons = known.get(policyId)
    if (reasons === undefined) {
      const rules = question.rulesOf(policyId, targetId)
      const missed = `no rule keeps it (${rules ? rulesText(rules) : 'none'})`
      reasons = {
        old: [missed],
        bad: ['this copy is bad, and newer ones are proven', missed],
        unproven: ['it was never proven, and newer ones are proven', missed],
      }
      known.set(policyId, reasons)
    }
    return countable ? reasons.old : copy.state === 'bad' ? reasons.bad : reasons.unproven
  }
}
