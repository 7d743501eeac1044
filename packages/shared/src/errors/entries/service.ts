import type { CatalogueEntry } from './entry.ts'

/** The service and its runs. */
export const SERVICE_ERRORS = {
  SERVICE_STOPPING: {
    title: 'The service is stopping and hands its work back',
    hint: 'Nothing to do: another instance, or this one after its restart, takes the work up again.',
    retry: 'now',
    level: 'info',
  },
  SERVICE_PORT_TAKEN: {
    title: 'The service cannot listen on its address',
    hint: 'Another process uses the port (`ss -ltnp`), or the address is not one of this host: compare `health` and `listen` in lifeboat.yaml.',
    retry: 'later',
    level: 'error',
  },
  RUN_CANCELLED: {
    title: 'The run was cancelled',
    hint: 'Start it again with `lifeboat backup now` when it is wanted.',
    retry: 'never',
    level: 'warn',
  },
  RUN_OVERDUE: {
    title: 'The run exceeded the time its policy allows',
    hint: 'Compare maxDuration of the policy with the last runs in `lifeboat backup list`; look for locks and slow targets.',
    retry: 'never',
    level: 'error',
  },
  RUN_TAKEN: {
    title: 'Another agent instance is working on this run',
    hint: 'Nothing to do: the run is looked at again after a pause, in case the other instance died.',
    retry: 'later',
    level: 'info',
    pauseMs: 30_000,
  },
  RUN_UNKNOWN: {
    title: 'No run of this id is in the ledger',
    hint: 'Look at `lifeboat status` or `lifeboat events --subject backup`; the id is complete, with policy, source and time.',
    retry: 'never',
    level: 'error',
  },
  RUN_ENDED: {
    title: 'The run has ended already',
    hint: 'Nothing to do: the facts name how it ended.',
    retry: 'never',
    level: 'error',
  },
  AGENT_NAME_TAKEN: {
    title: 'Another live agent already uses this name',
    hint: 'Give each agent its own name under `agents:` in lifeboat.yaml, or stop the other process.',
    retry: 'later',
    level: 'error',
  },
  FOOTING_HANGS: {
    title: 'A look at what a service stands on does not come back',
    hint: 'Look whether what is named answers on the host of the service: a network mount whose server is gone holds whoever touches it (`findmnt`, `dmesg`).',
    retry: 'later',
    level: 'error',
  },
} as const satisfies Record<string, CatalogueEntry>
