import { type HeldIdentity, judgeKeys, type KeyJudgement, type KeyVerdict } from '@lifeboat/catalog/keys/judge-keys.ts'
import { type JudgedStretch, judgeWalKeys } from '@lifeboat/catalog/keys/judge-source-keys.ts'
import { isKept } from '@lifeboat/catalog/keys/sealed-to.ts'
import type { WalRecord } from '@lifeboat/catalog/wal-record.ts'
import type { BackupRecord } from '@lifeboat/shared/domain/backup.ts'
import type { BackupId, Moment, SourceId } from '@lifeboat/shared/domain/ids.ts'

export interface KeyCheck {
  counts: Record<KeyVerdict, number>
  /** Every kept backup, the newest of each source first. */
  backups: JudgedBackup[]
  wal: (JudgedStretch & { sourceId: SourceId })[]
  /** What each identity is needed for: kept things that it opens, and those of them that nothing else opens. */
  identities: (HeldIdentity & { opens: number; aloneOpens: number })[]
}

export interface JudgedBackup extends KeyJudgement {
  sourceId: SourceId
  backupId: BackupId
  snapshotAt: Moment
}

interface Declared {
  /** Those that count. */
  identities: readonly HeldIdentity[]
  /** All there are, left out ones included. */
  declared: readonly HeldIdentity[]
  nowMs: number
}

export async function checkKeys(
  kept: { backups: AsyncIterable<BackupRecord>; wal: readonly WalRecord[] },
  { identities, declared, nowMs }: Declared,
): Promise<KeyCheck> {
  const backups: JudgedBackup[] = []
  const uses = new Map(declared.map((identity) => [identity.name, { ...identity, opens: 0, aloneOpens: 0 }]))
  const count = (recipients: readonly string[] | undefined) => {
    const { by } = judgeKeys(recipients, declared, nowMs)
    for (const name of by) {
      const use = uses.get(name)
      if (!use) continue
      use.opens += 1
      if (by.length === 1) use.aloneOpens += 1
    }
  }
  for await (const record of kept.backups) {
    if (!isKept(record)) continue
    const { sourceId, backupId, startedAt, snapshotAt = startedAt, recipients } = record
    backups.push({ sourceId, backupId, snapshotAt, ...judgeKeys(recipients, identities, nowMs, declared) })
    count(recipients)
  }
  const wal = kept.wal.flatMap((record) => {
    for (const { recipients } of record.sealedTo ?? []) count(recipients)
    return judgeWalKeys(record, identities, nowMs, declared).map((judged) => ({ sourceId: record.sourceId, ...judged }))
  })
  backups.sort((a, b) => (order(a) < order(b) ? 1 : -1))
  const counts = { readable: 0, ending: 0, unreadable: 0, unknown: 0 }
  for (const { verdict } of [...backups, ...wal]) counts[verdict] += 1
  return { counts, backups, wal, identities: [...uses.values()] }
}

function order({ sourceId, snapshotAt, backupId }: JudgedBackup): string {
  return `${sourceId} ${snapshotAt} ${backupId}`
}
