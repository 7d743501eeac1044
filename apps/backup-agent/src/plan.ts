import type { PolicyConfig } from '@lifeboat/config/lifeboat-config.ts'
import type { ArtifactName } from '@lifeboat/shared/domain/ids.ts'

export interface PlanFacts {
  /** Major version of the pg_dump that was found. */
  pgDumpMajor: number
  /** Whether that pg_dump was built with zstd. */
  pgDumpHasZstd: boolean
}

/** How one dump is taken; every choice is made here. */
export interface DumpPlan {
  /** `inside`: pg_dump compresses what it reads, so raw rows cross no pipe · `program`: zstd behind it */
  compression: { where: 'inside' | 'program'; level: number }
  artifacts: { database: ArtifactName; globals: ArtifactName; fingerprint: ArtifactName }
  hashTablesUpToBytes: number
  lockTimeoutMs: number
  rolePasswords: boolean
}

export function planDump(
  source: { rolePasswords: boolean },
  policy: Pick<PolicyConfig, 'compressionLevel' | 'fingerprint' | 'lockTimeout'>,
  facts: PlanFacts,
): DumpPlan {
  const inside = facts.pgDumpMajor >= 16 && facts.pgDumpHasZstd
  const name = (text: string) => text as ArtifactName
  return {
    compression: { where: inside ? 'inside' : 'program', level: policy.compressionLevel },
    artifacts: {
      database: name(inside ? 'db.dump.age' : 'db.dump.zst.age'),
      globals: name('globals.sql.zst.age'),
      fingerprint: name('fingerprint.json.zst.age'),
    },
    hashTablesUpToBytes: policy.fingerprint.hashTablesUpTo,
    lockTimeoutMs: policy.lockTimeout,
    rolePasswords: source.rolePasswords,
  }
}
