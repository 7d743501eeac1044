import { type Moment, moment } from '@lifeboat/shared/domain/ids.ts'
import type { LifeboatConfig } from './lifeboat-config.ts'

/** The private keys that are declared to be there, in the order of the file. */
export function heldIdentities({
  identities,
}: LifeboatConfig['encryption']): { name: string; recipient: string; escrow: boolean; until?: Moment }[] {
  return Object.entries(identities).map(([name, { recipient, escrow, until }]) => ({
    ...{ name, recipient, escrow },
    ...(until !== undefined && { until: moment(Date.parse(until)) }),
  }))
}
