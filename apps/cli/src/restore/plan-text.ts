import { asideForm } from '@lifeboat/recovery/swap/aside-names.ts'
import type { RestorePlan } from '@lifeboat/shared/domain/restore.ts'
import { formatBytes, formatDuration } from '@lifeboat/shared/time/duration.ts'
import { errorText } from '../format/error-text.ts'
import { timeText } from '../format/moments.ts'
import type { Style } from '../format/style.ts'
import { walText } from '../recover/plan-text.ts'
import { plannedFilesLines } from './files-text.ts'
import { passedOverText } from './passed-over-text.ts'
import { tablesLines } from './tables-text.ts'

type PlannedCluster = NonNullable<RestorePlan['cluster']>

/** The plan for a person who is to sign it. */
export function planText(plan: RestorePlan, style: Style): string {
  const { backup, hooks, disks, files } = plan
  const chain = plan.cluster?.chain ?? files?.chain ?? []
  const lines: [string, string][] = [
    ['what', `${whatText(plan)}, on the host of ${plan.agentId}`],
    ...chain.slice(0, -1).map((each): [string, string] => ['built on', backupText(each)]),
    ['out of', backupText(backup)],
    ['copy at', `${plan.targetId}, ${verdictText(backup.drill, style)}`],
    ...(plan.cluster ? clusterLines(plan.cluster) : []),
    ...(plan.tables ? tablesLines(plan.tables) : []),
    ...plan.passedOver.map((each): [string, string] => ['passed over', passedOverText(each)]),
    ...serverLines(plan),
    ['to fetch', formatBytes(plan.fetchBytes)],
    ...disks.map((disk): [string, string] => [
      'disk',
      `${disk.of}: needs ${formatBytes(disk.neededBytes)}, ${formatBytes(disk.freeBytes)} are free at ${disk.path}`,
    ]),
    ...(files || plan.tables || plan.newDatabase || plan.cluster?.place === 'beside'
      ? []
      : [['sessions', sessionsText(plan.sessions)] as [string, string]]),
    ...hooks.map(({ on, name, command }): [string, string] => [
      `${on} hook`,
      `${name}: ${command?.join(' ') ?? style.bad('unknown to the agent')}`,
    ]),
    [
      'takes',
      plan.drillMs === undefined
        ? 'nobody knows: this copy was never drilled'
        : `${formatDuration(plan.drillMs)} in its drill`,
    ],
    ['lost', plan.loss.sentence],
    ...keptLines(plan),
    ...(plan.signatures > 1 ? [['signatures', `${plan.signatures} operators`] as [string, string]] : []),
    ...(hooks.some(({ on }) => on === 'stop') && !hooks.some(({ on }) => on === 'start')
      ? [['note', 'No start hook is named: what the stop hook stops stands still afterwards.'] as [string, string]]
      : []),
    ...plan.notes.map((note): [string, string] => ['note', note]),
  ]
  const obstacles = plan.obstacles.map((obstacle) => errorText(obstacle, style))
  return [...lines.map(([name, text]) => `${name.padEnd(11)} ${text}`), ...obstacles].join('\n')
}

function whatText({ files, tables, cluster, database, newDatabase, sourceId }: RestorePlan): string {
  if (newDatabase) {
    const { name, copiesOf } = newDatabase
    const onto = copiesOf === undefined ? '' : `, onto the server of ${sourceId}`
    return `database ${database} of ${copiesOf ?? sourceId} as ${name}${onto}`
  }
  if (files) return `files below ${files.root} of ${sourceId}`
  if (tables) return `tables of ${database} of ${sourceId}`
  return `${cluster ? 'cluster' : `database ${database}`} of ${sourceId}`
}

function backupText({ backupId, snapshotAt, signer }: RestorePlan['backup']): string {
  return `${backupId}, of ${timeText(snapshotAt)}, signed by ${signer}`
}

function clusterLines({ goal, wal, timeline, place, dataDirectory, pause, port }: PlannedCluster): [string, string][] {
  return [
    ['to', goal],
    ...(wal ? [['WAL', walText({ timeline, ...wal })] as [string, string]] : []),
    [
      place,
      port === undefined ? dataDirectory : `${dataDirectory}, ${pause ? 'first ' : ''}on port ${port} of 127.0.0.1`,
    ],
  ]
}

function serverLines({ server, cluster, tables }: RestorePlan): [string, string][] {
  if (!server) return []
  const major = `${server.major}${cluster || tables?.from === 'cluster' ? '' : ' or newer'} (the source ran ${server.version.split(' on ')[0]})`
  return [
    ['PostgreSQL', major],
    ['extensions', server.extensions.join(', ') || 'none'],
  ]
}

function keptLines({ cluster, tables, database, newDatabase, files }: RestorePlan): [string, string][] {
  if (tables) return []
  if (files) return plannedFilesLines(files)
  if (newDatabase) return [['kept', 'nothing that is there is touched; `lifeboat restore release --as` drops it again']]
  if (!cluster)
    return [
      ['kept', `what bears the name now stays as ${asideForm(database ?? '')}, until \`lifeboat restore release\``],
    ]
  const { aside } = cluster
  return aside === undefined
    ? []
    : [['kept', `what is there now stays as ${aside}, until \`lifeboat restore release\``]]
}

function verdictText(drill: RestorePlan['backup']['drill'], style: Style): string {
  if (!drill) return style.warn('never drilled')
  const text = `${drill.verdict} ${timeText(drill.finishedAt)}`
  return drill.verdict === 'proven' ? style.good(text) : style.bad(text)
}

function sessionsText(sessions: RestorePlan['sessions']): string {
  if (sessions.length === 0) return 'nobody is connected'
  const each = sessions.map(
    ({ user, application, count }) => `${count} of ${user}${application ? ` (${application})` : ''}`,
  )
  return `would be cut: ${each.join(', ')}`
}
