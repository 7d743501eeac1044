import { ALERT_ERRORS } from './entries/alert.ts'
import { ARTIFACT_ERRORS } from './entries/artifact.ts'
import { BACKUP_ERRORS } from './entries/backup.ts'
import { BUS_ERRORS } from './entries/bus.ts'
import { CONFIG_ERRORS } from './entries/config.ts'
import type { CatalogueEntry } from './entries/entry.ts'
import { EXPIRY_ERRORS } from './entries/expiry.ts'
import { FILES_ERRORS } from './entries/files.ts'
import { PHYSICAL_ERRORS } from './entries/physical.ts'
import { RECOVERY_ERRORS } from './entries/recovery.ts'
import { RESTORE_ERRORS } from './entries/restore.ts'
import { SERVICE_ERRORS } from './entries/service.ts'
import { SOURCE_ERRORS } from './entries/source.ts'
import { SPOOL_ERRORS } from './entries/spool.ts'
import { TARGET_ERRORS } from './entries/target.ts'
import { TOOL_ERRORS } from './entries/tool.ts'

/** Every error an operator can meet. `docs/errors.md` is generated from this; retired codes stay listed. */
export const CATALOGUE = {
  INTERNAL: {
    title: 'Something failed that Lifeboat does not know by name',
    hint: 'Look in the log for the run id; the original error is there with its stack.',
    retry: 'later',
    level: 'error',
  },
  ...SERVICE_ERRORS,
  ...BUS_ERRORS,
  ...CONFIG_ERRORS,
  ...SOURCE_ERRORS,
  ...PHYSICAL_ERRORS,
  ...FILES_ERRORS,
  ...TOOL_ERRORS,
  ...SPOOL_ERRORS,
  ...ARTIFACT_ERRORS,
  ...TARGET_ERRORS,
  ...BACKUP_ERRORS,
  ...EXPIRY_ERRORS,
  ...RECOVERY_ERRORS,
  ...RESTORE_ERRORS,
  ...ALERT_ERRORS,
} as const satisfies Record<string, CatalogueEntry>

export type ErrorCode = keyof typeof CATALOGUE
export const ERROR_CODES = Object.keys(CATALOGUE) as [ErrorCode, ...ErrorCode[]]
