import { backfillsFromBus } from '@lifeboat/catalog/backfill/gather.ts'
import type { Catalog } from '@lifeboat/catalog/catalog.ts'
import { keepingOf, spreadOf } from '@lifeboat/config/keeping.ts'
import type { ConfigOf } from '@lifeboat/config/sections.ts'
import type { Bus } from '@lifeboat/shared/bus/bus.ts'
import type { TargetId } from '@lifeboat/shared/domain/ids.ts'
import { formatBytes } from '@lifeboat/shared/time/duration.ts'

/** How far a target that was added later has come, over all sources. */
export interface Filling {
  doneCopies: number
  doneBytes: number
  owedCopies: number
  owedBytes: number
}

/** Of targets with something done or owed. */
export async function fillingsOf(
  bus: Pick<Bus, 'bucket'>,
  catalog: Pick<Catalog, 'all' | 'summaries'>,
  config: Pick<ConfigOf<'policies' | 'wal' | 'expiry' | 'targets'>, 'policies' | 'wal' | 'expiry' | 'targets'>,
  nowMs: number,
): Promise<Map<TargetId, Filling>> {
  const given = { keeping: keepingOf(config), targetsOf: spreadOf(config).targetsOf, nowMs }
  const found = new Map<TargetId, Filling>()
  for await (const { targetId, done, owed } of backfillsFromBus(bus, catalog, given)) {
    const known = found.get(targetId) ?? { doneCopies: 0, doneBytes: 0, owedCopies: 0, owedBytes: 0 }
    known.doneCopies += done.copies
    known.doneBytes += done.bytes
    known.owedCopies += owed.length
    known.owedBytes += owed.reduce((sum, { bytes }) => sum + bytes, 0)
    found.set(targetId, known)
  }
  return found
}

/** `40 of 52 older copies are there, 3.4 GB to go`; undefined while nothing is owed. */
export function fillingText(filling: Filling | undefined): string | undefined {
  if (filling === undefined || filling.owedCopies === 0) return undefined
  const { doneCopies, owedCopies, owedBytes } = filling
  return `added later: ${doneCopies} of ${doneCopies + owedCopies} older copies are there, ${formatBytes(owedBytes)} to go`
}
