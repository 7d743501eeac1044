import type { Catalog } from '@lifeboat/catalog/catalog.ts'
import type { Ledger } from '@lifeboat/catalog/ledger.ts'
import type { LedgerView } from '@lifeboat/catalog/ledger-view.ts'
import type { Bucket, Bus } from '@lifeboat/shared/bus/bus.ts'
import type { Logger } from '@lifeboat/shared/log/logger.ts'
import type { Cancel } from '@lifeboat/shared/run/cancels.ts'
import type { Presence } from '@lifeboat/shared/service/presence.ts'
import type { Clock } from '@lifeboat/shared/time/clock.ts'
import type { DrillNote } from './drill-notes.ts'
import type { Plan } from './plans.ts'

/** Everything the scheduler may touch; tests pass the same record with parts of their own. */
export interface SchedulerDeps {
  bus: Bus
  catalog: Catalog
  ledger: Ledger
  /** The ledger in memory; may lag behind. */
  view: LedgerView
  drillNotes: Bucket<DrillNote>
  cancels: Bucket<Cancel>
  presence: Bucket<Presence>
  plans: readonly Plan[]
  clock: Clock
  log: Logger
  /** Milliseconds between two looks at the clock. */
  tickMs: number
}
