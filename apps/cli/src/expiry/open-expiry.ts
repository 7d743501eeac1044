import { planFromBus } from '@lifeboat/catalog/expiry/gather.ts'
import type { ExpiryPlan } from '@lifeboat/catalog/expiry/plan.ts'
import { KvCatalog } from '@lifeboat/catalog/kv-catalog.ts'
import { suggestName } from '@lifeboat/config/did-you-mean.ts'
import { keepingOf, removersOf } from '@lifeboat/config/keeping.ts'
import type { ConfigOf } from '@lifeboat/config/sections.ts'
import type { Bus } from '@lifeboat/shared/bus/bus.ts'
import type { SourceId } from '@lifeboat/shared/domain/ids.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Context } from '../context.ts'
import { withFleet } from '../open-fleet.ts'

export interface PlannedExpiry {
  bus: Bus
  catalog: KvCatalog
  plan: ExpiryPlan
  undeleteMs: number
  nowMs: number
}

/** Plans as a scheduler would at this moment, of all sources or of one. */
export function withPlan<R>(
  context: Context,
  source: string | undefined,
  use: (planned: PlannedExpiry) => Promise<R>,
): Promise<R> {
  return withFleet(context, ['policies', 'wal', 'targets', 'expiry', 'sources'], async ({ bus, config }) => {
    const catalog = await KvCatalog.open(bus)
    const nowMs = context.clock.now()
    const sources = source === undefined ? undefined : [sourceOf(config, source)]
    const given = { keeping: keepingOf(config), targets: removersOf(config), sources, nowMs }
    const plan = await planFromBus(bus, catalog, given)
    return use({ bus, catalog, plan, undeleteMs: config.expiry.undelete, nowMs })
  })
}

function sourceOf({ sources }: Pick<ConfigOf<'sources'>, 'sources'>, name: string): SourceId {
  if (name in sources) return name as SourceId
  throw new LifeboatError('SOURCE_UNKNOWN', { name, suggestion: suggestName(name, Object.keys(sources)) })
}
