import type { Handler } from '@lifeboat/shared/bus/bus.ts'
import type { WalExpired } from '@lifeboat/shared/bus/messages/expiry.ts'
import { parseLsn } from '@lifeboat/shared/domain/wal.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { SchedulerDeps } from '../deps.ts'

/** No window is claimed before where all targets have WAL still. Where that of each begins is in the state its agent tells. */
export function noteWalExpired({ walRecords }: Pick<SchedulerDeps, 'walRecords'>): Handler<WalExpired> {
  return async ({ sourceId, before, anchorAt }) => {
    const found = await walRecords.get(sourceId)
    if (found === undefined || parseLsn(found.value.since.lsn) >= parseLsn(before)) return
    const record = { ...found.value, since: { lsn: before, at: anchorAt } }
    if ((await walRecords.update(sourceId, record, found.revision)) === undefined)
      throw new LifeboatError('BUS_CONTENDED', { key: sourceId })
  }
}
