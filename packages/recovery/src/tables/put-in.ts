import type { SourceClient } from '@lifeboat/postgres/connection.ts'
import { pinSettings } from '@lifeboat/postgres/fingerprint/pin-settings.ts'
import { rowHash } from '@lifeboat/postgres/fingerprint/row-hash.ts'
import { quoteIdent, quoteLiteral } from '@lifeboat/postgres/sql-text.ts'
import { columnList, relationOf } from '@lifeboat/postgres/table-export/definition.ts'
import { measureExport } from '@lifeboat/postgres/table-export/measure-export.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { liveRelation, sameKey } from './diff.ts'
import { demandForeignKeys } from './foreign-keys.ts'
import { keptComment } from './kept.ts'
import { isLive, type LiveTable, readLive, type TableTrigger } from './live-table.ts'
import { type RowsOf, type Staged, stagedRows } from './staging.ts'
import { columnDifferences } from './unfit.ts'

/** One table whose rows are to be put in. */
export interface PutTable {
  staged: Staged
  /** Under which name, in the same schema, the rows that are there now are kept. */
  aside: string
}

export type PutHow = 'merge' | 'replace'

/**
 * Puts staged rows into their tables, inside the caller's transaction, and keeps those that were there. Whatever speaks against it throws.
 *
 * The table itself stays, with everything that hangs on it: views, rights, indexes, what refers to it. Its rows are taken out and put in with
 * `session_replication_role = replica`: triggers would do once more what they did when the rows were first written, and a foreign key that cascades would
 * take rows of other tables along. That holds for this session alone, where ALTER TABLE … DISABLE TRIGGER would wait for readers of the catalogue and
 * be seen by all. Triggers that are to fire always do; those meant for replication only are stilled, and those that look after deferrable constraints fire. What is not looked at meanwhile is asked at the end:
 * foreign keys, and whether the rows are those of the backup whatever a trigger made of them.
 *
 * @param client in a transaction; locks are waited for as long as its `lock_timeout` says
 * @throws LifeboatError RESTORE_TABLE_UNFIT | RESTORE_RULE_BROKEN | RECOVERY_UNLIKE; what the server says
 */
export async function putIn(client: SourceClient, tables: readonly PutTable[], how: PutHow): Promise<LiveTable[]> {
  await pinSettings(client)
  await client.query('set local session_replication_role = replica')
  // Readers go on and see the old rows until the end; whoever writes waits, and so does whoever asks for a row another one is to refer to.
  const all = tables.map(({ staged: { table } }) => relationOf(table))
  await client.query(`lock table ${all.join(', ')} in exclusive mode`)
  const pairs: Pair[] = []
  for (const put of tables) pairs.push({ ...put, live: await stillFits(client, put.staged.table) })
  const replica = pairs.flatMap(({ live }) => live.replicaTriggers)
  const recheck = pairs.flatMap(({ live }) => live.recheckTriggers)
  await alterTriggers(client, replica, 'disable trigger')
  await alterTriggers(client, recheck, 'enable always trigger')
  for (const { live, aside } of pairs) await keep(client, live, aside)
  // All rows out before any comes in: one may have to make room for another, in whichever table.
  for (const pair of pairs) await takeOut(client, pair, how)
  for (const pair of pairs) await bringIn(client, pair, how)
  // Now and not with COMMIT, behind the comparison; and no table is altered while any trigger waits.
  await client.query('set constraints all immediate')
  for (const pair of pairs) await demandSame(client, pair, how)
  await demandForeignKeys(
    client,
    pairs.map(({ live }) => live.oid),
  )
  await alterTriggers(client, recheck, 'enable trigger')
  await alterTriggers(client, replica, 'enable replica trigger')
  return pairs.map(({ live }) => live)
}

interface Pair extends PutTable {
  live: LiveTable
}

/** Somebody may have altered it since the rows were compared. */
async function stillFits(client: SourceClient, { schema = 'public', name, title, columns }: RowsOf) {
  const live = await readLive(client, { schema, name })
  const differences = isLive(live) ? columnDifferences(columns, live.columns) : [live.problem]
  if (isLive(live) && differences.length === 0) return live
  throw new LifeboatError('RESTORE_TABLE_UNFIT', { table: title, differences })
}

async function alterTriggers(client: SourceClient, triggers: readonly TableTrigger[], clause: string): Promise<void> {
  for (const { relation, name } of triggers) await client.query(`alter table ${relation} ${clause} ${quoteIdent(name)}`)
}

async function keep(client: SourceClient, live: LiveTable, aside: string): Promise<void> {
  const kept = relationOf({ schema: live.schema, name: aside })
  await client.query(`create table ${kept} as select ${columnList(live)} from ${liveRelation(live)}`)
  await client.query(`alter table ${kept} owner to ${quoteIdent(live.owner)}`)
  await client.query(`comment on table ${kept} is ${quoteLiteral(keptComment(live.title))}`)
}

/** By key: what is not as it was and, to replace, what was not there. Without a key nobody can tell, and all goes. */
async function takeOut(client: SourceClient, { live, staged }: Pair, how: PutHow): Promise<void> {
  const from = `delete from ${liveRelation(live)} l`
  if (live.key.length === 0) return void (await client.query(from))
  // Names no table has, so that the columns of the hash can only be those of the row that may go.
  const keys = live.key.map(({ name }, no) => `${quoteIdent(name)} as "lifeboat key ${no}"`)
  const hash = rowHash(staged.table.columns)
  const rows = `(select ${keys.join(', ')}, ${hash} as "lifeboat hash" from (${stagedRows(staged)}) staged) b`
  const same = live.key.map(({ name, equals }, no) => `l.${quoteIdent(name)} ${equals} b."lifeboat key ${no}"`)
  await client.query(
    how === 'replace'
      ? `${from} where not exists (select from ${rows} where ${same.join(' and ')} and b."lifeboat hash" = ${hash})`
      : `${from} using ${rows} where ${same.join(' and ')} and b."lifeboat hash" <> ${hash}`,
  )
}

/** Not row by row: of a table a vacuum found empty the planner expects nothing, and would look for each row through all that came in before it, while others wait for the locks. */
async function bringIn(client: SourceClient, { live, staged }: Pair, how: PutHow): Promise<void> {
  const columns = columnList(staged.table)
  const missing =
    live.key.length === 0 && how === 'replace'
      ? ''
      : ` where not exists (select from ${liveRelation(live)} l where ${sameKey(live.key, 'l', 'b')})`
  const into = `${relationOf(live)}${columns === '' ? '' : ` (${columns})`}`
  await client.query('set local enable_nestloop = off')
  await client.query(
    `insert into ${into} overriding system value select ${columns} from (${stagedRows(staged)}) b${missing}`,
  )
  await client.query('reset enable_nestloop')
}

/** To replace, the table holds the very rows that were backed up; to merge, each of them. */
async function demandSame(client: SourceClient, { live, staged }: Pair, how: PutHow): Promise<void> {
  const { table } = staged
  if (how === 'replace') {
    const found = await measureExport(client, { ...table, partitioned: live.partitioned })
    if (found.rows !== table.rows || found.hash !== table.hash) throw unlike(table)
    return
  }
  const hashed = (from: string) =>
    `(select ${live.key.map(({ name }) => quoteIdent(name)).join(', ')}, ${rowHash(table.columns)} as hash from ${from})`
  const { rows } = await client.query<{ unlike: string }>(
    `select count(*)::text as unlike from ${hashed(`(${stagedRows(staged)}) staged`)} b
      where not exists (select from ${hashed(liveRelation(live))} l where ${sameKey(live.key, 'l', 'b')} and l.hash = b.hash)`,
  )
  if (rows[0]?.unlike !== '0') throw unlike(table)
}

function unlike({ title }: RowsOf): LifeboatError {
  const differences = [
    `Rows of ${title} were not those of the backup after they had been written: a trigger changed them.`,
  ]
  return new LifeboatError('RECOVERY_UNLIKE', { differences, count: 1 })
}
