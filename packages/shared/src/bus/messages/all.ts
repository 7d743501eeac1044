import { CopyAudited, CopyRemade, CopyRemakeRequested, WalAudited, WalRemakeRequested } from './audit.ts'
import { BackupFailed, BackupRequested, BackupSealed, BackupStarted, BackupUnchanged } from './backup.ts'
import { CopyLockFound, CopyRefused, CopyStored } from './copy.ts'
import { DrillFinished, DrillRequested } from './drill.ts'
import {
  CopyExpired,
  CopyExpiryRequested,
  CopyLocked,
  CopyMarked,
  CopyUnmarked,
  ExpirySettled,
  HoldPlaced,
  HoldReleased,
  WalExpired,
  WalExpiryRequested,
} from './expiry.ts'
import { IncidentOpened, IncidentResolved } from './incident.ts'
import { ObjectivesMeasured } from './objectives.ts'
import { PartSealed, PartStored } from './part.ts'
import { RestoreAudited, RestorePlanned, RestorePlanRequested, RestoreRequested, RestoreSettled } from './restore.ts'
import { RunDeviated } from './run.ts'
import { WalRefillRequested, WalRefused, WalSealed, WalStored } from './wal.ts'

/** Every message there is, in the order docs/bus.md tells them. */
export const MESSAGES = [
  BackupRequested,
  BackupStarted,
  PartSealed,
  BackupSealed,
  BackupUnchanged,
  BackupFailed,
  PartStored,
  CopyStored,
  CopyRefused,
  CopyLockFound,
  CopyAudited,
  CopyRemakeRequested,
  CopyRemade,
  WalSealed,
  WalStored,
  WalRefused,
  WalRefillRequested,
  WalAudited,
  WalRemakeRequested,
  DrillRequested,
  DrillFinished,
  HoldPlaced,
  HoldReleased,
  CopyExpiryRequested,
  CopyMarked,
  CopyUnmarked,
  CopyExpired,
  CopyLocked,
  WalExpiryRequested,
  WalExpired,
  ExpirySettled,
  RestorePlanRequested,
  RestorePlanned,
  RestoreRequested,
  RestoreSettled,
  RestoreAudited,
  RunDeviated,
  ObjectivesMeasured,
  IncidentOpened,
  IncidentResolved,
] as const
