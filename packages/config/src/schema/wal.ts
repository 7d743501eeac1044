import { TargetId } from '@lifeboat/shared/domain/ids.ts'
import { ByteSize, Duration } from '@lifeboat/shared/time/duration.ts'
import { z } from 'zod'

/** The WAL of one source: received as it is written, off-site within seconds. */
export const WalSection = z.strictObject({
  targets: z.array(TargetId).min(1).describe('Names under `targets`; all WAL goes to all of them.'),
  copies: z
    .strictObject({
      required: z
        .int()
        .positive()
        .default(1)
        .describe(
          'Targets that must hold WAL before the server may forget it, and before a synchronous commit returns.',
        ),
    })
    .prefault({})
    .describe('How many copies are enough.'),
  flushEvery: Duration.default(10_000).describe(
    'A segment that is not full is shipped as far as it goes this often, when it grew.',
  ),
  compressionLevel: z.int().min(1).max(19).default(1).describe('zstd level.'),
  keep: z
    .strictObject({
      window: Duration.describe(
        'Any moment of the last so long can be recovered; WAL before the base that begins it is let go.',
      ),
    })
    .optional()
    .describe('How long WAL stays; default for good.'),
  spoolMaxBytes: ByteSize.default(1024 ** 3).describe(
    'Room in the spool of the agent for WAL on its way; when it is full the server keeps the rest.',
  ),
  slot: z
    .string()
    .regex(/^[a-z0-9_]{1,63}$/, 'lower-case letters, digits and underscores')
    .optional()
    .describe(
      'Name of the replication slot, and the name to put into synchronous_standby_names; default lifeboat_<source>.',
    ),
  retained: z
    .strictObject({
      warn: ByteSize.default(4 * 1024 ** 3).describe(
        'An incident is opened when the server keeps back more WAL than this; where its own max_slot_wal_keep_size is below `giveUp`, at half of that if it is less.',
      ),
      giveUp: ByteSize.default(32 * 1024 ** 3).describe(
        'Beyond this the slot is dropped before the disk is full: the hole is recorded, mailed, and a new base is asked for.',
      ),
    })
    .prefault({})
    .describe('WAL the server keeps because the targets do not have it yet.'),
  letGoAfter: Duration.default(60_000).describe(
    'A server that is told to stop waits until its WAL is safe. After this long the agent hangs up, so that the stop goes on; the slot keeps what is not safe.',
  ),
  refill: z
    .strictObject({
      after: Duration.default(600_000).describe(
        'A target that takes new WAL while older is missing there, and came no further for this long, is filled from other targets.',
      ),
      every: Duration.default(86_400_000).describe(
        'So often each target is compared with the others anyway, and filled.',
      ),
    })
    .prefault({})
    .describe('WAL that is no longer offered to a target that was away for long comes from targets that have it.'),
  heartbeat: z
    .strictObject({
      enabled: z
        .boolean()
        .default(true)
        .describe(
          'Whether a row is written every few seconds, so that an idle database too can be recovered to any moment.',
        ),
      every: Duration.default(5_000).describe('How often.'),
      schema: z.string().min(1).default('lifeboat').describe('Schema of its own for the table `heartbeat`.'),
    })
    .prefault({}),
})
export type WalConfig = z.infer<typeof WalSection>
