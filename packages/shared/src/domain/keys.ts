import {
  type ArtifactName,
  type BackupId,
  BackupKind,
  type DrillId,
  type HoldId,
  type MarkId,
  type SourceId,
} from './ids.ts'

/** A path below the prefix of a target; `/`-separated, never starting with one. The layout is design §4, keys are never rewritten. */
export type Key = string

export const FLEET_KEY: Key = 'lifeboat.json'

export function sourceBackupsPrefix(source: SourceId): Key {
  return `${source}/backups/`
}

export function backupPrefix(source: SourceId, backup: BackupId): Key {
  return `${sourceBackupsPrefix(source)}${backup}/`
}

/** `records/backups/2026…/db.dump.zst.age.00000` */
export function partKey(source: SourceId, backup: BackupId, artifact: ArtifactName, partNo: number): Key {
  return `${backupPrefix(source, backup)}${artifact}.${String(partNo).padStart(5, '0')}`
}

/** Which kind of backup a part belongs to, by the key `partKey` gave it; undefined: it is no part. */
export function kindOfPart(key: Key): BackupKind | undefined {
  const [, kind] = /(?:^|\/)[^/]+\/backups\/\d{8}T\d{6}Z-([a-z]+)-[a-z0-9]{6}\/[^/]+\.\d{5}$/.exec(key) ?? []
  return BackupKind.safeParse(kind).data
}

export function documentKey(source: SourceId, backup: BackupId, name: string): Key {
  return `${backupPrefix(source, backup)}${name}`
}

export function manifestKey(source: SourceId, backup: BackupId): Key {
  return documentKey(source, backup, 'manifest.json')
}

export function evidenceKey(source: SourceId, backup: BackupId, drill: DrillId): Key {
  return `${source}/drills/${backup}/${drill}.json`
}

/** An explicit stop on letting go; its release lies beside it, so that no key is written twice. */
export function holdKey(source: SourceId, hold: HoldId): Key {
  return `${source}/holds/${hold}.json`
}

export function releaseKey(source: SourceId, hold: HoldId): Key {
  return `${source}/holds/${hold}.released.json`
}

/** Says that a backup is let go and hides it, while its bytes are still there. */
export function tombstoneKey(source: SourceId, backup: BackupId, mark: MarkId): Key {
  return `${expiredPrefix(source, backup)}${mark}.json`
}

/** Brings back what the tombstone of the same mark hid. */
export function undoneKey(source: SourceId, backup: BackupId, mark: MarkId): Key {
  return `${expiredPrefix(source, backup)}${mark}.undone.json`
}

export function expiredPrefix(source: SourceId, backup: BackupId): Key {
  return `${source}/expired/${backup}/`
}
