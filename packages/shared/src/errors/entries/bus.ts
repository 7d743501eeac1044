import type { CatalogueEntry } from './entry.ts'

/** Between a service and NATS. */
export const BUS_ERRORS = {
  BUS_BAD_MESSAGE: {
    title: 'A message does not have the shape its subject demands',
    hint: 'Compare the dead letter (`nats stream view LIFEBOAT_DEAD`) with docs/bus.md and look for an outdated or foreign publisher.',
    retry: 'never',
    level: 'error',
  },
  BUS_UNREACHABLE: {
    title: 'No NATS server answers',
    hint: 'Look at `bus.servers` in lifeboat.yaml, then whether nats-server runs and JetStream is on.',
    retry: 'later',
    level: 'error',
  },
  BUS_AUTH_REFUSED: {
    title: 'NATS refused the login',
    hint: 'Compare user, password, token or credentials under `bus` in lifeboat.yaml with the accounts of the NATS server.',
    retry: 'later',
    level: 'error',
  },
  BUS_SETTINGS_REFUSED: {
    title: 'NATS refuses the settings of a stream, consumer or bucket',
    hint: 'Compare the server answer in the facts with docs/bus.md; an older stream of the same name may have to be removed by hand.',
    retry: 'never',
    level: 'error',
  },
  BUS_CONTENDED: {
    title: 'Others kept changing an entry while it was being written',
    hint: 'It is tried again. If it repeats, look for several services that fight over one entry (`nats kv watch`).',
    retry: 'later',
    level: 'warn',
  },
  BUS_DELIVERIES_EXHAUSTED: {
    title: 'A message was delivered as often as allowed and never settled',
    hint: 'The worker probably dies while handling it: look at the service log around the last delivery.',
    retry: 'never',
    level: 'error',
  },
} as const satisfies Record<string, CatalogueEntry>
