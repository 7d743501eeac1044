import { z } from 'zod'
import { Moment } from './ids.ts'
import { Lsn } from './wal.ts'

/** Where the recovery of a cluster is to stop. */
export const Goal = z.discriminatedUnion('to', [
  z.strictObject({ to: z.literal('end of backup') }),
  z.strictObject({ to: z.literal('latest') }),
  z.strictObject({ to: z.literal('time'), time: Moment }),
  z.strictObject({ to: z.literal('lsn'), lsn: Lsn }),
  z.strictObject({ to: z.literal('xid'), xid: z.string().regex(/^\d{1,20}$/) }),
  /** A restore point; PostgreSQL takes names of up to 63 bytes. */
  z.strictObject({ to: z.literal('name'), name: z.string().min(1).max(63) }),
])
export type Goal = z.infer<typeof Goal>
