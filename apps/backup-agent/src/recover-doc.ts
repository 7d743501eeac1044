import type { BackupId } from '@lifeboat/shared/domain/ids.ts'
import { demandServer, type Manifest, type OfServer } from '@lifeboat/shared/domain/manifest.ts'
import type { TableExport } from '@lifeboat/shared/domain/table-export.ts'
import { recoverBase } from './recover-doc/base.ts'
import { recoverDump } from './recover-doc/dump.ts'
import { recoverFiles } from './recover-doc/files.ts'
import { recoverTables } from './recover-doc/tables.ts'

export const RECOVER_DOCUMENT = 'RECOVER.md'

export type RecoverFacts = Pick<
  Manifest,
  'backupId' | 'sourceId' | 'database' | 'snapshotAt' | 'server' | 'tools' | 'artifacts' | 'agentId' | 'recipients'
> &
  Partial<Pick<Manifest, 'physical' | 'files'>> & { recovery?: Recovery; tableExport?: TableExport }

/** Of kinds that come from a server. */
export type ServerRecoverFacts = RecoverFacts & OfServer

/** Of a backup with parents. */
export interface Recovery {
  /** Backups it builds on, the full one first. */
  chain: readonly BackupId[]
  /** Configuration files that are not in it and why, a sentence each. */
  configLeft?: readonly string[]
}

/**
 * How to bring this very backup back with stock programs only. Tests and drills run the shell blocks of this page word by word, in a folder that
 * holds the files of the backup, with the variables it names set; so they must not drift from what the agent does.
 */
export function recoverDocument(facts: RecoverFacts): string {
  if (facts.files) return recoverFiles(facts, facts.files)
  const ofServer = demandServer(facts)
  if (facts.tableExport) return recoverTables(ofServer, facts.tableExport)
  return facts.physical === undefined ? recoverDump(ofServer) : recoverBase(ofServer, facts.physical)
}
