import type { BucketDefinition } from '@lifeboat/shared/bus/bus.ts'
import { z } from 'zod'
import type { SourceSummary } from './catalog.ts'
import { BackupDraft } from './project.ts'

const name = 'lifeboat_catalogue'
const summary =
  'What is known of every backup (`backup.<source>.<backup id>`) and the newest of each source (`source.<source>`).'

export const RECORDS: BucketDefinition<BackupDraft> = { name, summary, schema: BackupDraft, permanent: true }

/** With the revision of the record behind each row, so that a slow writer cannot put an older state over a newer one. */
export interface StoredSummary extends SourceSummary {
  revisions: Record<string, number>
}

/**
 * The other half of the same bucket.
 *
 * NOTE: `status` reads thousands of these at once, so only the outermost shape is looked at; nobody but this package writes them.
 */
export const SUMMARIES: BucketDefinition<StoredSummary> = {
  name,
  summary,
  schema: z.custom<StoredSummary>(
    (value) => typeof value === 'object' && value !== null && 'recent' in value && Array.isArray(value.recent),
    'not a summary of a source',
  ),
}

export function recordKey(sourceId: string, backupId: string): string {
  return `backup.${sourceId}.${backupId}`
}

export function summaryKey(sourceId: string): string {
  return `source.${sourceId}`
}
