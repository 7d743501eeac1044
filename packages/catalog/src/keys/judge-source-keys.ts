import { parseLsn } from '@lifeboat/shared/domain/wal.ts'
import type { SealedTo } from '../catalog.ts'
import type { WalRecord } from '../wal-record.ts'
import { type HeldIdentity, judgeKeys, type KeyJudgement } from './judge-keys.ts'

/** What of a source was judged: its backups until the newest of those with the same keys, or a stretch of its WAL. */
export interface JudgedStretch extends KeyJudgement {
  what: string
}

/** Every set of keys that something kept of a source is encrypted to, judged; a few however many backups there are. */
export function judgeSourceKeys(
  { sealedTo, wal }: { sealedTo: readonly SealedTo[]; wal: WalRecord | undefined },
  identities: readonly HeldIdentity[],
  nowMs: number,
): JudgedStretch[] {
  const backups = sealedTo.map(({ recipients, backupId }) => ({
    what: `backups, the newest of them ${backupId}`,
    ...judgeKeys(recipients, identities, nowMs),
  }))
  return [...backups, ...(wal ? judgeWalKeys(wal, identities, nowMs) : [])]
}

/** The stretches of kept WAL by the keys they are encrypted to; what was kept before anybody told is unknown. */
export function judgeWalKeys(
  { since, sealedTo = [], safe }: WalRecord,
  identities: readonly HeldIdentity[],
  nowMs: number,
  declared = identities,
): JudgedStretch[] {
  const begins = sealedTo[0]?.from ?? safe.lsn
  const untold =
    parseLsn(since.lsn) < parseLsn(begins)
      ? [{ what: `WAL from ${since.lsn} to ${begins}`, ...judgeKeys(undefined, identities, nowMs, declared) }]
      : []
  const told = sealedTo.map(({ recipients, from, to }) => ({
    what: `WAL from ${from} to ${to}`,
    ...judgeKeys(recipients, identities, nowMs, declared),
  }))
  return [...untold, ...told]
}
