import type { BarePlan } from '@lifeboat/recovery/bare/bare-plan.ts'
import type { TreePlan } from '@lifeboat/recovery/bare/plan-files.ts'
import type { ClusterBack } from '@lifeboat/recovery/bare/recover-cluster.ts'
import type { DumpBack } from '@lifeboat/recovery/bare/recover-dump.ts'
import type { FilesBack } from '@lifeboat/recovery/bare/recover-files.ts'
import type { Swapped } from '@lifeboat/recovery/swap/swap-databases.ts'
import { formatBytes } from '@lifeboat/shared/time/duration.ts'
import type { Style } from '../format/style.ts'

/** What is back, and what to do next. */
export function clusterText(
  { dataDir, recovered, running }: ClusterBack,
  { goal, loss }: BarePlan,
  style: Style,
): string {
  const { lsn, timeline, lastCommitAt } = recovered
  const aim = goal === undefined ? '' : `${goal}: `
  const commit = lastCommitAt ? `, last commit ${lastCommitAt}` : ''
  return [
    style.good(`Recovered to ${aim}${lsn} on timeline ${timeline}${commit}.`),
    loss.sentence,
    ...serverText(dataDir, running),
  ].join('\n')
}

export function dumpText(back: DumpBack, { loss }: BarePlan, style: Style): string {
  const { database, dataDir, running, compared, rolesCreated, swapped } = back
  const roles = rolesCreated.length === 0 ? [] : [`Roles made there: ${rolesCreated.join(', ')}.`]
  const forgiven = compared?.tolerated.map(({ sentence, tolerated }) => `${sentence} ${tolerated}`) ?? []
  return [
    compared
      ? style.good(
          `${database} is back: ${compared.tables} tables with ${compared.rows} rows, ${compared.hashed} compared by content.`,
        )
      : style.warn(`${database} is back, compared with nothing: the backup carries no fingerprint.`),
    loss.sentence,
    ...roles,
    ...(swapped ? swappedText(database, swapped) : []),
    ...forgiven.slice(0, 5),
    ...(dataDir === undefined ? [] : serverText(dataDir, running)),
  ].join('\n')
}

export function filesText({ folder, compared }: FilesBack, { root, loss }: TreePlan, style: Style): string {
  return [
    style.good(
      `The tree is back below ${folder}: ${compared.files} files, ${formatBytes(compared.bytes)}, compared with the list of what was archived.`,
    ),
    loss.sentence,
    `It lay below ${root}: look at it, then put it there.`,
  ].join('\n')
}

/** What became of the one that bore the name. */
export function swappedText(database: string, { aside, terminated }: Swapped): string[] {
  const ended =
    terminated === 0 ? 'No session had to be ended.' : `${terminated} sessions did not leave and were ended.`
  return [
    `What was ${database} is now ${aside}; nobody can enter it. ${ended}`,
    `To undo it: lifeboat recover revert ${database} --server …; to let go of it for good: lifeboat recover release ${database} --server …`,
  ]
}

function serverText(dataDir: string, running: boolean): string[] {
  const next = running ? 'It is running.' : `Start it as its owner: pg_ctl -D ${dataDir} -l logfile start`
  return [
    `The data directory is ${dataDir}. ${next}`,
    'It archives nowhere and follows nobody (the end of postgresql.auto.conf): set up backups before it serves anyone.',
  ]
}
