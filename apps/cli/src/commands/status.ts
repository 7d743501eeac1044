import { INCIDENTS_BUCKET } from '@lifeboat/catalog/incidents-bucket.ts'
import { KvCatalog } from '@lifeboat/catalog/kv-catalog.ts'
import { Ledger } from '@lifeboat/catalog/ledger.ts'
import type { Bucket, Bus } from '@lifeboat/shared/bus/bus.ts'
import { PRESENCE_BUCKET } from '@lifeboat/shared/service/presence.ts'
import type { Command } from '../context.ts'
import { withFleet } from '../open-fleet.ts'
import { type FleetFacts, judgeFleet } from '../status/judge-fleet.ts'
import { statusText } from '../status/status-text.ts'

/** The state of every source and service, computed from what is recorded now; red where nothing is recorded. */
export const status: Command<object> = (_args, context) =>
  withFleet(context, ['agents', 'sources', 'policies', 'objectives', 'verifier'], async ({ bus, config }) => {
    const facts = { config, ...(await gather(bus)) }
    const fleet = judgeFleet(facts, context.clock.now())
    return {
      value: fleet,
      text: (style) => statusText(fleet, style),
      exit: fleet.light === 'green' ? 'ok' : 'attention',
    }
  })

async function gather(bus: Bus): Promise<Omit<FleetFacts, 'config'>> {
  const [summaries, runs, incidents, presences] = await Promise.all([
    KvCatalog.open(bus).then((catalog) => catalog.summaries()),
    Ledger.open(bus).then((ledger) => Array.fromAsync(ledger.entries())),
    bus.bucket(INCIDENTS_BUCKET).then(values),
    bus.bucket(PRESENCE_BUCKET).then(values),
  ])
  return { summaries, runs, incidents: incidents.filter((incident) => incident.state === 'open'), presences }
}

async function values<T>(bucket: Bucket<T>): Promise<T[]> {
  return Array.fromAsync(bucket.entries(), ({ value }) => value)
}
