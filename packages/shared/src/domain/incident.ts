import { z } from 'zod'
import { Moment } from './ids.ts'

export const IncidentRule = z.enum([
  'failed',
  'retrying',
  'missing',
  'late',
  'overdue',
  'undersized',
  'growth',
  'unproven',
  'drill-backlog',
  'copy-behind',
  'copy-damaged',
  'dead-letter',
  'service-silent',
  'footing-lost',
  'rpo-breach',
  'wal-silent',
  'wal-refused',
  'slot-retention',
  'wal-lost',
  'wal-broken',
  'wal-damaged',
  'checksum-failures',
  'chain-broken',
  'files-unreadable',
  'target-doubted',
  'copy-locked',
  'copy-unlocked',
  'class-misplaced',
  'class-late',
  'expiry-refused',
  'expiry-overdue',
  'set-incomplete',
  'drill-missed',
  'key-missing',
  'key-ending',
])
export type IncidentRule = z.infer<typeof IncidentRule>

/** Something a person should look at; one per cause, not per message. Key in the incidents bucket: `cause`. */
export const Incident = z.object({
  /** `missing.records.daily`: rule and what it is about; the same cause never opens twice. KV-key-safe. */
  cause: z.string().regex(/^[a-z0-9][A-Za-z0-9._-]{0,200}$/),
  rule: IncidentRule,
  severity: z.enum(['critical', 'warning']),
  /** Constant per rule and subject: the mail's subject line. */
  title: z.string(),
  /** What is known, with numbers, one fact a line. */
  details: z.array(z.string()),
  hint: z.string(),
  state: z.enum(['open', 'resolved']),
  openedAt: Moment,
  lastNotifiedAt: Moment.optional(),
  notifications: z.int().nonnegative(),
  resolvedAt: Moment.optional(),
})
export type Incident = z.infer<typeof Incident>
