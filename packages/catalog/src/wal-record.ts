import type { BucketDefinition } from '@lifeboat/shared/bus/bus.ts'
import { Moment, SourceId } from '@lifeboat/shared/domain/ids.ts'
import { Lsn, parseLsn, Timeline, type WalState } from '@lifeboat/shared/domain/wal.ts'
import { z } from 'zod'
import { walSealedToWith } from './keys/wal-sealed-to.ts'

const HOLES = 64

/** WAL that is lost for good; recovery cannot pass. */
export const WalHole = z.object({
  timeline: Timeline,
  from: Lsn,
  to: Lsn,
  /** Everything written until then lies before the hole. */
  until: Moment,
  since: Moment,
  reason: z.string(),
})
export type WalHole = z.infer<typeof WalHole>

/** A stretch of the log that is encrypted to the same public keys; the newest stretch grows on. */
export const WalSealedTo = z.object({ recipients: z.array(z.string()), from: Lsn, to: Lsn })
export type WalSealedTo = z.infer<typeof WalSealedTo>

/** What must not be forgotten about the WAL of a source: since when it is kept, and its holes. */
export const WalRecord = z.object({
  sourceId: SourceId,
  systemIdentifier: z.string(),
  /** Where keeping began, as far as anybody saw. `timeline`: of what was let go before it; WAL of later ones was not. */
  since: z.object({ lsn: Lsn, at: Moment, timeline: Timeline.optional() }),
  /** Whether what came before `since` was let go on purpose. */
  expired: z.boolean().optional(),
  /** What was safe when it was last looked at and no hole was known behind it. */
  safe: z.object({ lsn: Lsn, at: Moment }),
  /** The newest 64, oldest first. */
  holes: z.array(WalHole),
  /** What keys its WAL is encrypted to, the oldest first; where they changed between two looks the stretches overlap. */
  sealedTo: z.array(WalSealedTo).optional(),
})
export type WalRecord = z.infer<typeof WalRecord>

/** Key: the source. */
export const WAL_RECORD_BUCKET: BucketDefinition<WalRecord> = {
  name: 'lifeboat_wal_record',
  summary: 'Since when the WAL of each source is kept, and where it has holes; outlives the agents’ own state.',
  schema: WalRecord,
  permanent: true,
}

/**
 * What a look at the agent's state adds. Looks may be missed: a hole stays in the state until a base that ended behind it is stored.
 * Another cluster under the same name begins anew, where its agent began and not where the first look found it: a base may be older than that look.
 */
export function recordWal(before: WalRecord | undefined, state: WalState): WalRecord {
  const { sourceId, systemIdentifier, safe, begun = safe, lost } = state
  const known = before?.systemIdentifier === systemIdentifier ? before : undefined
  const record = known ?? { sourceId, systemIdentifier, since: begun, safe, holes: [] }
  const holes = lost === undefined ? record.holes : withHole(record, lost)
  const sealedTo = walSealedToWith(record, state, known ? known.safe.lsn : begun.lsn)
  return { ...record, safe, holes: holes.slice(-HOLES), ...(sealedTo.length > 0 && { sealedTo }) }
}

/** The same hole may grow while the slot is away. */
function withHole({ holes, safe }: WalRecord, lost: NonNullable<WalState['lost']>): WalHole[] {
  const { timeline, from, to, since, reason } = lost
  const known = holes.find((hole) => hole.timeline === timeline && hole.from === from)
  const until = known?.until ?? (parseLsn(safe.lsn) <= parseLsn(from) ? safe.at : since)
  const grown = known !== undefined && parseLsn(known.to) > parseLsn(to) ? known.to : to
  return [...holes.filter((hole) => hole !== known), { timeline, from, to: grown, until, since, reason }]
}
