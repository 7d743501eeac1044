import { segmentStart } from './segment.ts'

/** What the server says of our slot; undefined where it does not exist. */
export interface SlotFacts {
  /** undefined: it keeps no WAL, because it was never used or was invalidated. */
  restartLsn?: bigint
}

export type Beginning =
  /** Go on where the targets stand. */
  | { kind: 'go-on'; at: bigint }
  /** A source we never saw: make a slot and begin with what it keeps. */
  | { kind: 'first' }
  /** The slot is not what we left: make a new one, go on where the targets stand if the server still has that, else it is lost. */
  | { kind: 'new-slot'; at: bigint; reason: string }

/**
 * Where to begin to receive. Pure.
 *
 * @param safe what the required targets hold; undefined when nothing is known of this source
 */
export function whereToBegin(facts: {
  slot: SlotFacts | undefined
  safe: bigint | undefined
  segmentBytes: number
}): Beginning {
  const { slot, safe, segmentBytes } = facts
  if (safe === undefined)
    return slot?.restartLsn === undefined
      ? { kind: 'first' }
      : { kind: 'go-on', at: segmentStart(slot.restartLsn, segmentBytes) }
  const at = segmentStart(safe, segmentBytes)
  if (slot === undefined)
    return {
      kind: 'new-slot',
      at,
      reason: 'the replication slot is gone: somebody dropped it, or this is another server',
    }
  if (slot.restartLsn === undefined)
    return { kind: 'new-slot', at, reason: 'the server gave the replication slot up (max_slot_wal_keep_size)' }
  return { kind: 'go-on', at }
}

export interface Retention {
  /** WAL the server keeps because of the slot. */
  retainedBytes: number
  walStatus: string | null
}

export type SlotVerdict = { verdict: 'fine' } | { verdict: 'give-up' | 'invalidated'; reason: string }

/**
 * What to do about the WAL a slot keeps on the server. Pure: giving up costs recoverability, keeping it costs the disk of the database.
 *
 * @param limits bytes; `giveUp` below `warn` would give up without a warning, so the higher of the two counts
 */
export function judgeSlot(slot: Retention, limits: { warn: number; giveUp: number }): SlotVerdict {
  const { retainedBytes, walStatus } = slot
  if (walStatus === 'lost')
    return { verdict: 'invalidated', reason: 'the server gave the replication slot up (max_slot_wal_keep_size)' }
  if (retainedBytes <= Math.max(limits.giveUp, limits.warn)) return { verdict: 'fine' }
  return {
    verdict: 'give-up',
    reason: `the server kept back ${retainedBytes} bytes of WAL, more than the ${limits.giveUp} allowed`,
  }
}

/**
 * The limits that are told: whoever gives up first counts, we or the server, and what it keeps is worth an incident well before. Pure.
 *
 * @param serverKeeps max_slot_wal_keep_size in bytes; undefined: it has no limit
 */
export function limitsTold(
  { warn, giveUp }: { warn: number; giveUp: number },
  serverKeeps: number | undefined,
): { warnBytes: number; giveUpBytes: number; serverGivesUp?: true } {
  if (serverKeeps === undefined || serverKeeps >= giveUp) return { warnBytes: warn, giveUpBytes: giveUp }
  const warnBytes = Math.max(1, Math.min(warn, Math.floor(serverKeeps / 2)))
  return { warnBytes, giveUpBytes: Math.max(1, serverKeeps), serverGivesUp: true }
}
