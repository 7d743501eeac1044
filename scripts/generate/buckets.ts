import {
  DEEP_READS_BUCKET,
  MARKED_TARGETS_BUCKET,
  SURVEYS_BUCKET,
  WAL_DAMAGE_BUCKET,
} from '@lifeboat/catalog/audit/buckets.ts'
import { WAL_LET_GO_BUCKET } from '@lifeboat/catalog/audit/wal-let-go.ts'
import { WAL_SURVEYS_BUCKET } from '@lifeboat/catalog/audit/wal-survey.ts'
import { RECORDS } from '@lifeboat/catalog/buckets.ts'
import {
  EXPIRY_BUCKET,
  EXPIRY_WATCH_BUCKET,
  HOLDS_BUCKET,
  LOCKED_BUCKET,
  MARKS_BUCKET,
  STAYED_BUCKET,
} from '@lifeboat/catalog/expiry/buckets.ts'
import { INCIDENTS_BUCKET } from '@lifeboat/catalog/incidents-bucket.ts'
import { LEDGER_BUCKET } from '@lifeboat/catalog/ledger.ts'
import { WAL_BUCKET } from '@lifeboat/catalog/wal-bucket.ts'
import { WAL_RECORD_BUCKET } from '@lifeboat/catalog/wal-record.ts'
import type { BucketDefinition } from '@lifeboat/shared/bus/bus.ts'
import { CANCELS_BUCKET } from '@lifeboat/shared/run/cancels.ts'
import { FOOTINGS_BUCKET, PRESENCE_BUCKET } from '@lifeboat/shared/service/presence.ts'
import { LETTERS } from '../../apps/alerter/src/letters.ts'
import { OUTBOX_BUCKET } from '../../apps/alerter/src/notices.ts'
import { AGENTS_BUCKET } from '../../apps/backup-agent/src/name-lease.ts'
import { DRILL_NOTES } from '../../apps/scheduler/src/drill-notes.ts'
import { TOLD_BUCKET } from '../../apps/scheduler/src/objectives/told.ts'

type Described = Pick<BucketDefinition<unknown>, 'name' | 'summary' | 'maxAgeMs'>

/** Every bucket there is; generate.test.ts finds one that was forgotten. */
export const BUCKETS = [
  RECORDS,
  WAL_BUCKET,
  WAL_RECORD_BUCKET,
  LEDGER_BUCKET,
  HOLDS_BUCKET,
  MARKS_BUCKET,
  MARKED_TARGETS_BUCKET,
  SURVEYS_BUCKET,
  DEEP_READS_BUCKET,
  WAL_DAMAGE_BUCKET,
  WAL_SURVEYS_BUCKET,
  WAL_LET_GO_BUCKET,
  LOCKED_BUCKET,
  EXPIRY_BUCKET,
  EXPIRY_WATCH_BUCKET,
  STAYED_BUCKET,
  INCIDENTS_BUCKET,
  OUTBOX_BUCKET,
  LETTERS,
  PRESENCE_BUCKET,
  FOOTINGS_BUCKET,
  CANCELS_BUCKET,
  DRILL_NOTES,
  TOLD_BUCKET,
  AGENTS_BUCKET,
] as readonly Described[]
