import type { BackupRow } from '@lifeboat/catalog/catalog.ts'
import { KvCatalog } from '@lifeboat/catalog/kv-catalog.ts'
import { Ledger } from '@lifeboat/catalog/ledger.ts'
import { type RecoveryPoint, recoveryPoints } from '@lifeboat/catalog/sets.ts'
import { knownRows, rowOf } from '@lifeboat/catalog/summarize.ts'
import type { Bus } from '@lifeboat/shared/bus/bus.ts'
import type { RecoveryPointId } from '@lifeboat/shared/domain/ids.ts'
import type { LedgerEntry } from '@lifeboat/shared/domain/ledger.ts'
import type { SetMember, SetPart } from '@lifeboat/shared/domain/set.ts'

/** The recovery points some backups belong to, with all their members; the ledger is read for these members only, and not at all where there is no set. */
export async function pointsAmong(
  bus: Bus,
  catalog: Pick<KvCatalog, 'summaries'>,
  rows: readonly BackupRow[],
  nowMs: number,
): Promise<RecoveryPoint[]> {
  const sets = rows.flatMap(({ set }) => set ?? [])
  if (sets.length === 0) return []
  const wanted = new Set(sets.map(({ point }) => point))
  const known = new Map<string, BackupRow>()
  for (const row of (await catalog.summaries()).flatMap(knownRows)) known.set(row.backupId, row)
  for (const row of rows) known.set(row.backupId, row)
  const isWanted = ({ set }: { set?: SetPart | undefined }) => set !== undefined && wanted.has(set.point)
  const runs = await runsOf(
    await Ledger.open(bus),
    sets.flatMap(({ members }) => members),
  )
  return recoveryPoints({ rows: [...known.values()].filter(isWanted), runs: runs.filter(isWanted), nowMs })
}

/** One recovery point, however old; reads every backup of the sources it is about. */
export async function readPoint(bus: Bus, point: RecoveryPointId, nowMs: number): Promise<RecoveryPoint | undefined> {
  const [catalog, ledger] = [await KvCatalog.open(bus), await Ledger.open(bus)]
  const runs: LedgerEntry[] = []
  for await (const run of ledger.entries()) if (run.set?.point === point) runs.push(run)
  const rows: BackupRow[] = []
  const sources = new Set(runs[0]?.set?.members.map(({ sourceId }) => sourceId))
  // Without a run, in a catalogue that was rebuilt for instance, nobody says whose backups to look at.
  for (const of of sources.size > 0 ? [...sources].map((sourceId) => ({ sourceId })) : [{}])
    for await (const record of catalog.all(of)) if (record.set?.point === point) rows.push(rowOf(record))
  return recoveryPoints({ rows, runs, nowMs })[0]
}

/** Every run of these members the ledger knows. */
export async function runsOf(ledger: Ledger, members: readonly SetMember[]): Promise<LedgerEntry[]> {
  const distinct = new Map(members.map((member) => [`${member.policyId}.${member.sourceId}`, member]))
  const runs: LedgerEntry[] = []
  for (const { policyId, sourceId } of distinct.values())
    for await (const run of ledger.entries({ policyId, sourceId })) runs.push(run)
  return runs
}
