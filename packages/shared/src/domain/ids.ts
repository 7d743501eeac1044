import { createHash, randomBytes } from 'node:crypto'
import { z } from 'zod'
import { compactTime } from '../time/clock.ts'

/** Names people choose: short, lower case, safe in object keys, bus subjects and file names. */
const Slug = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'use lower-case letters, digits and dashes, starting with a letter or digit')

export const FleetId = Slug.brand<'FleetId'>()
export type FleetId = z.infer<typeof FleetId>
export const SourceId = Slug.brand<'SourceId'>()
export type SourceId = z.infer<typeof SourceId>
export const PolicyId = Slug.brand<'PolicyId'>()
export type PolicyId = z.infer<typeof PolicyId>
export const TargetId = Slug.brand<'TargetId'>()
export type TargetId = z.infer<typeof TargetId>
export const AgentId = Slug.brand<'AgentId'>()
export type AgentId = z.infer<typeof AgentId>

export const BackupKind = z.enum(['dump', 'base', 'incremental', 'files', 'tables'])
export type BackupKind = z.infer<typeof BackupKind>

/** Whether a kind copies a cluster byte by byte, so that WAL can go on behind it. */
export function isPhysicalKind(kind: BackupKind): kind is 'base' | 'incremental' {
  return kind === 'base' || kind === 'incremental'
}

/** `20260926T020000Z-dump-k3f9qa`: one attempt at one backup; sorts by time. A second attempt gets another id, so no key is ever written twice. */
export const BackupId = z
  .string()
  .regex(/^\d{8}T\d{6}Z-[a-z]+-[a-z0-9]{6}$/, 'a backup id looks like 20260926T020000Z-dump-k3f9qa')
  .brand<'BackupId'>()
export type BackupId = z.infer<typeof BackupId>

/** `20260927T031500Z-drill-a81m0c` */
export const DrillId = z
  .string()
  .regex(/^\d{8}T\d{6}Z-drill-[a-z0-9]{6}$/)
  .brand<'DrillId'>()
export type DrillId = z.infer<typeof DrillId>

/** `20261128T020000Z-hold-k3f9qa` */
export const HoldId = z
  .string()
  .regex(/^\d{8}T\d{6}Z-hold-[a-z0-9]{6}$/, 'a hold id looks like 20261128T020000Z-hold-k3f9qa')
  .brand<'HoldId'>()
export type HoldId = z.infer<typeof HoldId>

/** `20261128T020000Z-mark-k3f9qa`: one letting go of one copy; brought back and let go again it gets another. */
export const MarkId = z
  .string()
  .regex(/^\d{8}T\d{6}Z-mark-[a-z0-9]{6}$/)
  .brand<'MarkId'>()
export type MarkId = z.infer<typeof MarkId>

/** `20261128T020000Z-restore-k3f9qa`: one command of an operator; also the id of its run. */
export const RestoreId = z
  .string()
  .regex(/^\d{8}T\d{6}Z-restore-[a-z0-9]{6}$/, 'a restore id looks like 20261128T020000Z-restore-k3f9qa')
  .brand<'RestoreId'>()
export type RestoreId = z.infer<typeof RestoreId>

/** Names one wish, whoever makes it: `daily.records.20260926T020000Z` for a scheduled run, with a random tail for an operator's. */
export const RunId = z
  .string()
  .max(180)
  .regex(/^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/)
  .brand<'RunId'>()
export type RunId = z.infer<typeof RunId>

/** `weekly.20260927T010000Z`: one slot of a set, whose members all carry it; with a random tail where an operator asked. */
export const RecoveryPointId = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9-]{0,62}\.\d{8}T\d{6}Z(-[a-z0-9]{6})?$/,
    'a recovery point looks like weekly.20260927T010000Z',
  )
  .brand<'RecoveryPointId'>()
export type RecoveryPointId = z.infer<typeof RecoveryPointId>

export const ArtifactName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]{0,120}$/)
  .brand<'ArtifactName'>()
export type ArtifactName = z.infer<typeof ArtifactName>

/** 64 lower-case hex digits. */
export const Sha256 = z
  .string()
  .regex(/^[0-9a-f]{64}$/)
  .brand<'Sha256'>()
export type Sha256 = z.infer<typeof Sha256>
/** 32 lower-case hex digits; carried because GCS and Azure check nothing else on a simple upload. It guards transport, never trust. */
export const Md5 = z
  .string()
  .regex(/^[0-9a-f]{32}$/)
  .brand<'Md5'>()
export type Md5 = z.infer<typeof Md5>

/** UTC ISO-8601, e.g. `2026-09-26T02:00:00.000Z`. */
export const Moment = z.iso.datetime({ precision: 3 }).brand<'Moment'>()
export type Moment = z.infer<typeof Moment>

export function moment(ms: number): Moment {
  return new Date(ms).toISOString() as Moment
}

export function newBackupId(kind: BackupKind, nowMs: number): BackupId {
  return `${compactTime(nowMs)}-${kind}-${suffix()}` as BackupId
}

export function newDrillId(nowMs: number): DrillId {
  return `${compactTime(nowMs)}-drill-${suffix()}` as DrillId
}

export function newHoldId(nowMs: number): HoldId {
  return `${compactTime(nowMs)}-hold-${suffix()}` as HoldId
}

export function newMarkId(nowMs: number): MarkId {
  return `${compactTime(nowMs)}-mark-${suffix()}` as MarkId
}

export function newRestoreId(nowMs: number): RestoreId {
  return `${compactTime(nowMs)}-restore-${suffix()}` as RestoreId
}

/** The same for every scheduler that computes the same due run, so a second publish is a no-op. */
export function scheduledRunId(policy: PolicyId, source: SourceId, scheduledForMs: number): RunId {
  return `${policy}.${source}.${compactTime(scheduledForMs)}` as RunId
}

/** The recovery point of a set's slot; every scheduler and every member computes the same. */
export function scheduledPointId(set: PolicyId, scheduledForMs: number): RecoveryPointId {
  return `${set}.${compactTime(scheduledForMs)}` as RecoveryPointId
}

export function operatorPointId(set: PolicyId, nowMs: number): RecoveryPointId {
  return `${set}.${compactTime(nowMs)}-${suffix()}` as RecoveryPointId
}

/** Of which set a point is. */
export function setOf(point: RecoveryPointId): PolicyId {
  return point.slice(0, point.indexOf('.')) as PolicyId
}

export function operatorRunId(policy: PolicyId, source: SourceId, nowMs: number): RunId {
  return `${policy}.${source}.${compactTime(nowMs)}-${suffix()}` as RunId
}

/** The run that drills one copy: the same fact delivered twice asks for the same drill. */
export function drillRunId(backup: BackupId, target: TargetId, occasion: string): RunId {
  return `drill.${backup}.${target}.${createHash('sha256').update(occasion).digest('hex').slice(0, 8)}` as RunId
}

function suffix(): string {
  const alphabet = 'abcdefghijklmnopqrstuvwxyz0123456789'
  return Array.from(randomBytes(6), (byte) => alphabet[byte % alphabet.length]).join('')
}
