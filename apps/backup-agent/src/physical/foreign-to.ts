import type { BackupRecord, CopyState } from '@lifeboat/shared/domain/backup.ts'
import type { WalState } from '@lifeboat/shared/domain/wal.ts'

/** Nothing of such a copy can be brought back, so it says nothing of whose the name is. */
const GONE: readonly CopyState[] = ['refused', 'expired']

/**
 * Whether a cluster is another than the one that is kept under its source name; pure. The WAL decides where it is kept, else the bases of which
 * a target has, or will have, a copy. Bases of several clusters are from before anybody looked: each of them may go on.
 *
 * @returns the system identifier that is kept there; undefined: the cluster is that one, or nothing is known
 */
export function foreignTo(
  systemIdentifier: string,
  known: { records: readonly BackupRecord[]; wal: Pick<WalState, 'systemIdentifier'> | undefined },
): string | undefined {
  const kept = known.wal ? [known.wal.systemIdentifier] : known.records.flatMap(clusterOf)
  return kept.includes(systemIdentifier) ? undefined : kept.at(-1)
}

function clusterOf({ physical, copies }: BackupRecord): string[] {
  const isKept = Object.values(copies).some(({ state }) => !GONE.includes(state))
  return isKept && physical?.systemIdentifier !== undefined ? [physical.systemIdentifier] : []
}
