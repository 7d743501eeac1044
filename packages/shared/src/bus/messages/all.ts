import { BackupFailed, BackupRequested, BackupSealed, BackupStarted, BackupUnchanged } from './backup.ts'
import { CopyRefused, CopyStored } from './copy.ts'
import { DrillFinished, DrillRequested } from './drill.ts'
import { IncidentOpened, IncidentResolved } from './incident.ts'
import { ObjectivesMeasured } from './objectives.ts'
import { PartSealed, PartStored } from './part.ts'
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
  WalSealed,
  WalStored,
  WalRefused,
  WalRefillRequested,
  DrillRequested,
  DrillFinished,
  RunDeviated,
  ObjectivesMeasured,
  IncidentOpened,
  IncidentResolved,
] as const
