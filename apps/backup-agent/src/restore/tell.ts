import {
  RestoreAudited as Audited,
  commandedBy,
  type RestoreAudited,
  RestoreSettled,
} from '@lifeboat/shared/bus/messages/restore.ts'
import { moment } from '@lifeboat/shared/domain/ids.ts'
import type { RestoreOrder } from '@lifeboat/shared/domain/restore.ts'
import { reportOf } from '@lifeboat/shared/errors/error-report.ts'
import type { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { AgentDeps } from '../deps.ts'
import type { Entry } from './book.ts'
import type { Subject } from './restorable.ts'

type Teller = Pick<AgentDeps, 'bus' | 'clock' | 'cfg' | 'log' | 'restores'>

/** What a command has come to. */
export type Ending = Pick<
  RestoreSettled,
  | 'outcome'
  | 'swapped'
  | 'aside'
  | 'dropped'
  | 'terminated'
  | 'tables'
  | 'rows'
  | 'cluster'
  | 'diffs'
  | 'extent'
  | 'schema'
  | 'newDatabase'
  | 'files'
  | 'cancelledBy'
  | 'cancelReason'
> & {
  error?: LifeboatError | undefined
}

interface About extends Subject {
  who: string[]
  /** undefined where nothing trustworthy says it. */
  order?: RestoreOrder | undefined
}

/** Writes down who commanded what and what came of it; whoever is about to act waits until the stream has it. */
export function audit(
  deps: Teller,
  event: RestoreAudited['event'],
  about: About & { restoreId: Entry['restoreId'] },
  more: Pick<RestoreAudited, 'diffs' | 'changes' | 'extent'> & {
    aside?: string | undefined
    error?: LifeboatError | undefined
  } = {},
): Promise<void> {
  const { aside, error, ...compared } = more
  const found = {
    ...(aside !== undefined && { aside }),
    ...(error && { error: reportOf(error) }),
    ...compared,
  }
  return write(deps, about, { restoreId: about.restoreId, event, at: moment(deps.clock.now()), ...found })
}

/** The same of an end, with its own moment: told again it is the same record. */
export function auditEnd(deps: Teller, about: About, settled: RestoreSettled): Promise<void> {
  const { restoreId, at, aside, passedOver, cancelledBy, cancelReason, error, outcome: event } = settled
  const found = {
    ...(aside !== undefined && { aside }),
    ...(passedOver && { passedOver }),
    ...(cancelledBy !== undefined && { cancelledBy }),
    ...(cancelReason !== undefined && { cancelReason }),
    ...(error && { error }),
  }
  return write(deps, about, { restoreId, event, at, ...found })
}

async function write(
  { bus, cfg }: Teller,
  { who, order, database, root }: About,
  found: Pick<
    RestoreAudited,
    | 'restoreId'
    | 'event'
    | 'at'
    | 'aside'
    | 'error'
    | 'diffs'
    | 'changes'
    | 'extent'
    | 'passedOver'
    | 'cancelledBy'
    | 'cancelReason'
  >,
): Promise<void> {
  await bus.publish(Audited, {
    ...{ ...found, agentId: cfg.agentId, who, ...(order && commandedBy(order)) },
    ...(order?.kind !== 'cluster' && order?.kind !== 'new database' && database !== undefined && { database }),
    ...(root !== undefined && { root }),
  })
}

/** The end of a command: on our own disk first, so that it is told again should the bus be away. */
export async function settle(
  deps: Teller,
  entry: Entry,
  about: Pick<About, 'order'> & Subject,
  { error, ...ending }: Ending,
): Promise<void> {
  const { restoreId, sourceId, who, passedOver } = entry
  const at = moment(deps.clock.now())
  const settled: RestoreSettled = {
    ...{ restoreId, agentId: deps.cfg.agentId, sourceId, at, ...ending },
    ...(passedOver && { passedOver }),
    ...(error && { error: reportOf(error) }),
  }
  await deps.restores.write({ ...entry, stage: 'settled', settled })
  const { outcome } = ending
  deps.log.info({ event: 'restore.settled', restoreId, outcome, code: error?.code }, 'a command is settled')
  await auditEnd(deps, { who, ...about }, settled)
  await deps.bus.publish(RestoreSettled, settled)
}
