import { dataInFile, type StoredData } from '@lifeboat/postgres/archive/data-in-file.ts'
import type { Program } from '@lifeboat/postgres/tools/find-tools.ts'
import type { Run } from '@lifeboat/shared/run/run.ts'
import { together } from '@lifeboat/shared/run/together.ts'
import { ask } from '../bare/check-restored.ts'
import { askArchive, choosing } from './archive-list.ts'
import { dealRows } from './deal-rows.ts'
import { type LoadingPlace, restoreArchive } from './load-dump.ts'
import { planLoading } from './plan-loading.ts'

export interface LoadArchive {
  pgRestore: Program
  jobs: number
  /** Of the database that was dumped. */
  encoding: string
}

/**
 * Restores an archive into a database that is there and empty. A table that is too large for one job is taken in by as many sessions as there are jobs;
 * pg_restore gives each table one.
 *
 * @throws LifeboatError DRILL_RESTORE_FAILED | ARTIFACT_UNREADABLE | SOURCE_… | TOOL_…
 */
export async function loadArchive(archive: string, place: LoadingPlace, opts: LoadArchive, run: Run): Promise<void> {
  const { pgRestore: program, jobs, encoding } = opts
  const { dealt, otherJobs } = planLoading(await storedIn(archive), jobs)
  const restore = (more: readonly string[], joint = run, as = jobs) =>
    restoreArchive(archive, place, { program, jobs: as, more }, joint)
  if (dealt.length === 0 || (await isWalMinimal(place))) return restore([])
  await restore(['--section=pre-data'])
  await together(run, [
    async (joint) => {
      const dealing = { pgRestore: program, sessions: jobs, encoding }
      for (const table of dealt) await dealRows(archive, table, place, dealing, joint)
    },
    async (joint) => {
      const list = (await askArchive(archive, ['--list'], program, joint)).split('\n')
      const others = list.filter((line) => !dealt.some(({ id }) => line.startsWith(`${id};`)))
      await choosing(archive, others, (chosen) => restore(['--section=data', chosen], joint, otherJobs))
    },
  ])
  await restore(['--section=post-data'])
}

/** What only pg_restore understands is left to it. */
function storedIn(archive: string): Promise<StoredData[]> {
  return dataInFile(archive).catch(() => [])
}

/** Rows cost no WAL there in the transaction that empties their table, and that is one session's; parallel jobs of pg_restore load them so. */
async function isWalMinimal({ connection }: LoadingPlace): Promise<boolean> {
  const [server] = await ask(connection, 'show wal_level')
  return server?.wal_level === 'minimal'
}
