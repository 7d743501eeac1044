import type { CatalogueEntry } from './entry.ts'

/** Telling people. */
export const ALERT_ERRORS = {
  ALERT_NOT_SENT: {
    title: 'An alert could not be handed to its channel',
    hint: 'It stays in the outbox and is tried again. Look at the SMTP server and the credentials under `alerting`.',
    retry: 'later',
    level: 'error',
  },
} as const satisfies Record<string, CatalogueEntry>
