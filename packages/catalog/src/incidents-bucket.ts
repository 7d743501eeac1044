import type { BucketDefinition } from '@lifeboat/shared/bus/bus.ts'
import { Incident } from '@lifeboat/shared/domain/incident.ts'

/** Written by the alerter, read by whoever shows the state of things. */
export const INCIDENTS_BUCKET: BucketDefinition<Incident> = {
  name: 'lifeboat_incidents',
  summary: 'Things a person should look at, by cause; resolved ones included.',
  schema: Incident,
}
