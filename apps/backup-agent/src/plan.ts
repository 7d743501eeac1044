import type { PolicyConfig } from '@lifeboat/config/schema/policy.ts'
import type { ArtifactName, BackupId } from '@lifeboat/shared/domain/ids.ts'
import type { ParentChoice } from './physical/choose-parent.ts'

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

/** How one base or incremental is taken. */
export interface BasePlan {
  /** Done by the server. */
  compression: { level: number; workers: number }
  checkpoint: 'fast' | 'spread'
  /** That the server reads. */
  maxBytesPerSecond?: number
  artifacts: {
    base: ArtifactName
    tablespace: (oid: string) => ArtifactName
    backupManifest: ArtifactName
    configFiles: ArtifactName
    relations: ArtifactName
  }
  /** What it is incremental to; absent for a full one. */
  parent?: BackupId
  /** What it builds on, the full one first, `parent` last; empty for a full one. */
  chain: readonly BackupId[]
  /** Why a policy of incrementals gets a full one. */
  fullBecause?: string
}

/** @param choice only where an incremental is wanted */
export function planBase({ base }: Pick<PolicyConfig, 'base'>, choice: ParentChoice | undefined): BasePlan {
  const { compressionLevel: level, workers, checkpoint, maxRate } = base
  return {
    compression: { level, workers },
    checkpoint,
    ...(maxRate === undefined ? {} : { maxBytesPerSecond: maxRate }),
    artifacts: {
      base: name('base.tar.zst.age'),
      tablespace: (oid) => name(`tablespace-${oid}.tar.zst.age`),
      backupManifest: name('backup_manifest.zst.age'),
      configFiles: name('config.tar.zst.age'),
      relations: name('relations.json.zst.age'),
    },
    ...basisOf(choice),
  }
}

function basisOf(choice: ParentChoice | undefined): Pick<BasePlan, 'parent' | 'chain' | 'fullBecause'> {
  if (choice === undefined) return { chain: [] }
  if (choice.parent === undefined) return { chain: [], fullBecause: choice.fullBecause }
  return { parent: choice.parent.backupId, chain: choice.chain }
}

function name(text: string): ArtifactName {
  return text as ArtifactName
}
