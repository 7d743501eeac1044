import { suggestName } from '@lifeboat/config/did-you-mean.ts'
import type { LifeboatConfig } from '@lifeboat/config/lifeboat-config.ts'
import { isPostgres } from '@lifeboat/config/source-config.ts'
import { checkFiles } from '@lifeboat/files/check-files.ts'
import type { PhysicalWish } from '@lifeboat/postgres/check-physical.ts'
import { type CheckSourceOptions, checkSource } from '@lifeboat/postgres/check-source.ts'
import { replicationConnection, type SourceConnection, sourceConnection } from '@lifeboat/postgres/connection.ts'
import type { PostgresSourceConfig } from '@lifeboat/postgres/source-config.ts'
import type { SourceFinding } from '@lifeboat/postgres/source-finding.ts'
import type { Secret } from '@lifeboat/shared/config/secret.ts'
import type { SecretRef } from '@lifeboat/shared/config/secret-ref.ts'
import type { SourceId } from '@lifeboat/shared/domain/ids.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Command } from '../context.ts'
import { type ExitName, exitOf } from '../exit-codes.ts'
import type { Style } from '../format/style.ts'
import { indent } from '../format/table.ts'
import { readSettings } from '../open-fleet.ts'

/** Asks the database, or the tree of files, whether a complete backup is possible; prints the statement for each right that is missing. */
export const sourceCheck: Command<{ name: string }> = async ({ name }, context) => {
  const { config, secret } = await readSettings(context, ['sources', 'agents', 'policies', 'wal'])
  const source = config.sources[name as SourceId]
  if (!source)
    throw new LifeboatError('SOURCE_UNKNOWN', { name, suggestion: suggestName(name, Object.keys(config.sources)) })
  const search = { toolPaths: config.agents[source.agent]?.toolPaths ?? [], path: context.terminal.env.PATH ?? '' }
  const findings = isPostgres(source)
    ? await checkDatabase(source, { config, secret, search, id: name as SourceId })
    : await checkFiles(source, search, context.terminal.signal)
  const lacking = findings.filter((finding) => finding.state === 'lacking')
  return {
    value: { source: name, complete: lacking.length === 0, findings },
    text: (style) =>
      [...findings.map((finding) => line(finding, style)), summary(name, lacking.length, style)].join('\n'),
    exit: exitFor(lacking),
  }
}

interface Asking {
  config: Pick<LifeboatConfig, 'policies' | 'wal'>
  secret: (ref: SecretRef) => Secret
  search: CheckSourceOptions['search']
  id: SourceId
}

function checkDatabase(source: PostgresSourceConfig, { config, secret, search, id }: Asking): Promise<SourceFinding[]> {
  const connection = sourceConnection(source, source.password && secret(source.password))
  const password = source.replication?.password
  const replication = replicationConnection(source, connection, password && secret(password))
  return checkSource(connection, { rolePasswords: source.rolePasswords, search, ...wishesOf(config, id, replication) })
}

/** What the policies want of a source; one that no policy mentions yet is looked at for dumps. */
function wishesOf(
  { policies, wal }: Pick<LifeboatConfig, 'policies' | 'wal'>,
  id: SourceId,
  replication: SourceConnection,
): Pick<CheckSourceOptions, 'dumps' | 'physical' | 'exports'> {
  const kinds = new Set(Object.values(policies).flatMap(({ sources, kind }) => (sources.includes(id) ? [kind] : [])))
  const physical: PhysicalWish['kinds'] = new Set([
    ...(['base', 'incremental'] as const).filter((kind) => kinds.has(kind)),
    ...(wal[id] ? (['wal'] as const) : []),
  ])
  const exports = Object.values(policies).flatMap(({ sources, tables }) =>
    sources.includes(id) ? (tables?.list ?? []) : [],
  )
  const dumps = kinds.has('dump') || (physical.size === 0 && !kinds.has('tables'))
  const heartbeat = wal[id]?.heartbeat.enabled ? wal[id].heartbeat.schema : undefined
  return {
    dumps,
    ...(exports.length > 0 && { exports }),
    ...(physical.size > 0 && {
      physical: { replication, kinds: physical, heartbeat, retained: wal[id]?.retained },
    }),
  }
}

/** A database nobody reaches says nothing about rights. */
function exitFor(lacking: readonly SourceFinding[]): ExitName {
  const away = lacking.find((finding) => finding.check === 'connection')?.error
  if (away) return exitOf(away.code)
  return lacking.length === 0 ? 'ok' : 'failed'
}

function line({ state, check, message, statements, error }: SourceFinding, style: Style): string {
  const mark = { fine: style.good('fine   '), note: style.warn('note   '), lacking: style.bad('lacking') }[state]
  const code = error === undefined ? '' : ` ${style.dim(error.code)}`
  return [`${mark} ${check}: ${message}${code}`, ...statements.map((statement) => indent(statement, '        '))].join(
    '\n',
  )
}

function summary(name: string, lacking: number, style: Style): string {
  if (lacking === 0) return style.good(`${name} can be backed up completely`)
  return style.bad(`${name} cannot be backed up completely: ${lacking} thing${lacking === 1 ? '' : 's'} to repair`)
}
