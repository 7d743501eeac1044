import type { BackupId } from '@lifeboat/shared/domain/ids.ts'
import type { Manifest } from '@lifeboat/shared/domain/manifest.ts'
import { recoverBase } from './recover-doc/base.ts'
import { recoverDump } from './recover-doc/dump.ts'

export const RECOVER_DOCUMENT = 'RECOVER.md'

export type RecoverFacts = Pick<
  Manifest,
  'backupId' | 'sourceId' | 'database' | 'snapshotAt' | 'server' | 'tools' | 'artifacts' | 'agentId' | 'recipients'
> &
  Partial<Pick<Manifest, 'physical'>> & { recovery?: BaseRecovery }

/** Of a base or an incremental. */
export interface BaseRecovery {
  /** Backups it builds on, the full one first. */
  chain: readonly BackupId[]
  /** Configuration files that are not in it and why, a sentence each. */
  configLeft: readonly string[]
}

/**
 * How to bring this very backup back with stock programs only. Tests and drills run the shell blocks of this page word by word, in a folder that
 * holds the files of the backup, with the variables it names set; so they must not drift from what the agent does.
 */
export function recoverDocument(facts: RecoverFacts): string {
  return facts.physical === undefined ? recoverDump(facts) : recoverBase(facts, facts.physical)
}
