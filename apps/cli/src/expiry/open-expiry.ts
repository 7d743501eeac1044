import { LOCKED_BUCKET, type LockedCopy } from '@lifeboat/catalog/expiry/buckets.ts'
import { plannerFromBus } from '@lifeboat/catalog/expiry/gather.ts'
import type { ExpiryPlanner } from '@lifeboat/catalog/expiry/planner.ts'
import { KvCatalog } from '@lifeboat/catalog/kv-catalog.ts'
import { suggestName } from '@lifeboat/config/did-you-mean.ts'
import { keepingOf, removersOf } from '@lifeboat/config/keeping.ts'
import type { ConfigOf } from '@lifeboat/config/sections.ts'
import type { Bus } from '@lifeboat/shared/bus/bus.ts'
import type { SourceId } from '@lifeboat/shared/domain/ids.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Context } from '../context.ts'
import { withFleet } from '../open-fleet.ts'

export interface PlanningExpiry {
  bus: Bus
  catalog: KvCatalog
  planner: ExpiryPlanner
  /** What the store did not give up when it was last asked, by `markKey`. */
  locked: ReadonlyMap<string, LockedCopy>
  undeleteMs: number
  nowMs: number
}

/** Plans as a scheduler would at this moment, of all sources or of one. */
export function withPlanner<R>(
  context: Context,
  source: string | undefined,
  use: (planning: PlanningExpiry) => Promise<R>,
): Promise<R> {
  return withFleet(context, ['policies', 'wal', 'targets', 'expiry', 'sources'], async ({ bus, config }) => {
    const catalog = await KvCatalog.open(bus)
    const nowMs = context.clock.now()
    const sources = source === undefined ? undefined : [sourceOf(config, source)]
    const given = { keeping: keepingOf(config), targets: removersOf(config), sources, nowMs }
    const planner = await plannerFromBus(bus, catalog, given)
    const entries = await Array.fromAsync((await bus.bucket(LOCKED_BUCKET)).entries())
    const locked = new Map(entries.map(({ key, value }) => [key, value]))
    return use({ bus, catalog, planner, locked, undeleteMs: config.expiry.undelete, nowMs })
  })
}

function sourceOf({ sources }: Pick<ConfigOf<'sources'>, 'sources'>, name: string): SourceId {
  if (name in sources) return name as SourceId
  throw new LifeboatError('SOURCE_UNKNOWN', { name, suggestion: suggestName(name, Object.keys(sources)) })
}
