import type { TargetId } from './ids.ts'
import { parseLsn, type Timeline } from './wal.ts'
import type { ListedWal, WalQuestion, WalStatus } from './wal-audit.ts'

/** The history file of a timeline, without which recovery does not find the way onto it. */
export interface AuditedHistory {
  status: WalStatus
  /** Of what is missing or uploading: other targets that hold it. */
  at?: TargetId[]
  /** Of what is lost: a base ended behind it, so only older moments are out of reach. */
  bridged?: true
}

/**
 * @param begins where recovery goes over to that timeline; undefined: it begins on it, or does not come there
 * @returns undefined: it is not there, and nobody needs it
 */
export function auditHistory(
  timeline: Timeline,
  begins: bigint | undefined,
  { target, others, state, bases }: Pick<WalQuestion, 'target' | 'others' | 'state' | 'bases'>,
): AuditedHistory | undefined {
  const holds = ({ objects }: ListedWal) =>
    objects.some((object) => object.kind === 'history' && object.timeline === timeline)
  if (holds(target)) return { status: 'present' }
  if (begins === undefined) return undefined
  const isBeyond = (lsn: string | undefined) => lsn !== undefined && parseLsn(lsn) > begins
  const at = others.filter(holds).map(({ targetId }) => targetId)
  if (at.length > 0)
    return {
      status: state === undefined || isBeyond(state.targets[target.targetId]?.lsn) ? 'missing' : 'uploading',
      at,
    }
  // Nothing counts as safe beyond it before as many targets as required hold it.
  if (state !== undefined && !isBeyond(state.safe.lsn)) return { status: 'delayed' }
  const isBridged = bases.some((base) => base.timeline >= timeline && base.lsn >= begins)
  return { status: 'lost', ...(isBridged && { bridged: true }) }
}
