import { type Lsn, parseLsn, type WalState } from '@lifeboat/shared/domain/wal.ts'
import type { WalRecord, WalSealedTo } from '../wal-record.ts'

/**
 * What a look at the agent's state adds to what is known of the keys WAL is encrypted to. Nobody saw at which byte they changed: what came
 * between two looks, and what was in the spool then, counts for the keys before and for those after. What ended before the record begins is forgotten.
 *
 * @param from where the log was when it was last looked at
 */
export function walSealedToWith(
  { sealedTo = [], since }: Pick<WalRecord, 'sealedTo' | 'since'>,
  state: Pick<WalState, 'safe' | 'receivedLsn' | 'recipients'>,
  from: Lsn,
): WalSealedTo[] {
  const kept = sealedTo.filter(({ to }) => parseLsn(to) > parseLsn(since.lsn))
  if (state.recipients === undefined) return kept
  const recipients = state.recipients.toSorted()
  const to = state.safe.lsn
  const last = kept.at(-1)
  if (last?.recipients.join() === recipients.join()) return [...kept.slice(0, -1), { ...last, to }]
  const before = last ? [{ ...last, to: state.receivedLsn }] : []
  return [...kept.slice(0, -1), ...before, { recipients, from, to }]
}
