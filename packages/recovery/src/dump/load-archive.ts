import type { Program } from '@lifeboat/postgres/tools/find-tools.ts'
import { orAborted } from '@lifeboat/shared/run/or-aborted.ts'
import type { Run } from '@lifeboat/shared/run/run.ts'
import { together } from '@lifeboat/shared/run/together.ts'
import { ask } from '../bare/check-restored.ts'
import { askArchive, choosing } from './archive-list.ts'
import { dealRows } from './deal-rows.ts'
import type { ComingArchive } from './fetch-archive.ts'
import { LargeTables } from './large-tables.ts'
import { type LoadingPlace, restoreArchive } from './load-dump.ts'

export interface LoadArchive {
  pgRestore: Program
  jobs: number
  /** Of the database that was dumped. */
  encoding: string
}

/**
 * Restores an archive into a database that is there and empty. A large table is taken in by as many sessions as there are jobs, and as soon as it comes;
 * pg_restore gives each table one, and needs all of the archive.
 *
 * @throws LifeboatError DRILL_RESTORE_FAILED | ARTIFACT_… | TARGET_… | SOURCE_… | TOOL_…
 */
export async function loadArchive(
  archive: ComingArchive,
  place: LoadingPlace,
  { pgRestore: program, jobs, encoding }: LoadArchive,
  run: Run,
): Promise<void> {
  const restore = (more: readonly string[], joint = run, as = jobs) =>
    restoreArchive(archive.path, place, { program, jobs: as, more }, joint)
  const tables = jobs < 2 || (await isWalMinimal(place)) ? undefined : await LargeTables.open(archive, jobs)
  const first = await tables?.next()
  if (tables === undefined || first === undefined) {
    await archive.whole()
    return restore([])
  }
  await restore(['--section=pre-data'])
  await together(run, [
    async (joint) => {
      for (let table: typeof first | undefined = first; table; table = await tables.next())
        await dealRows(table, place, { sessions: jobs, encoding }, joint)
    },
    async (joint) => {
      await orAborted(archive.whole(), joint.signal)
      const others = await tables.others()
      const list = (await askArchive(archive.path, ['--list'], program, joint)).split('\n')
      const lines = list.filter((line) => !others.without.some((id) => line.startsWith(`${id};`)))
      await choosing(archive.path, lines, (chosen) => restore(['--section=data', chosen], joint, others.jobs))
    },
  ])
  await restore(['--section=post-data'])
}

/** Rows cost no WAL there in the transaction that empties their table, and that is one session's; parallel jobs of pg_restore load them so. */
async function isWalMinimal({ connection }: LoadingPlace): Promise<boolean> {
  const [server] = await ask(connection, 'show wal_level')
  return server?.wal_level === 'minimal'
}
