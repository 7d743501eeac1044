import { connectSource, type SourceClient } from '@lifeboat/postgres/connection.ts'
import type { RestoreSettled } from '@lifeboat/shared/bus/messages/restore.ts'
import type { Manifest } from '@lifeboat/shared/domain/manifest.ts'
import type { TablesInto } from '@lifeboat/shared/domain/restore-tables.ts'
import { until } from '@lifeboat/testkit/eventually.ts'
import { type SealOptions, sealBackup } from '@lifeboat/testkit/seal-backup.ts'
import { sealEvidence } from '@lifeboat/testkit/seal-evidence.ts'
import { type SealTablesOptions, sealTables } from '@lifeboat/testkit/seal-tables.ts'
import type { AgentConfig } from '../src/config.ts'
import { openRestoreHouse, type RestoreHouse } from './restore-house.ts'

/** A ward with visits: keys of two kinds, a rule between the tables and to itself, computed and identity columns, triggers of every firing, a partitioned table and one without a key. */
const CONTENTS = `
  CREATE SCHEMA clinic;
  CREATE TYPE clinic.mood AS ENUM ('well', 'ill');
  CREATE TABLE clinic.ward (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text UNIQUE NOT NULL, under int REFERENCES clinic.ward);
  CREATE TABLE clinic.visit (id bigserial, no int, ward int NOT NULL REFERENCES clinic.ward ON DELETE CASCADE, mood clinic.mood, data jsonb, at timestamptz DEFAULT '2026-01-01 12:00+02',
    size int GENERATED ALWAYS AS (length(data::text)) STORED, PRIMARY KEY (id, no), CHECK (no > 0));
  CREATE TABLE clinic.note (words text, n float8);
  CREATE TABLE clinic.result (id int, day date NOT NULL, value numeric(8,2), PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
  CREATE TABLE clinic.result_old PARTITION OF clinic.result FOR VALUES FROM (MINVALUE) TO ('2026-01-01');
  CREATE TABLE clinic.result_new PARTITION OF clinic.result FOR VALUES FROM ('2026-01-01') TO (MAXVALUE);
  CREATE TABLE clinic.seen (what text);
  CREATE FUNCTION clinic.see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO clinic.seen VALUES (tg_name || ' ' || tg_op); RETURN coalesce(new, old); END $$;
  INSERT INTO clinic.ward (name, under) VALUES ('north', NULL), ('south', 1), ('east', 2);
  INSERT INTO clinic.visit (no, ward, mood, data) SELECT 1 + g % 3, 1 + g % 3, CASE g % 2 WHEN 0 THEN 'ill' END::clinic.mood, jsonb_build_object('n', g, 'text', repeat('ä"', g % 7)) FROM generate_series(1, 300) g;
  INSERT INTO clinic.note SELECT 'word ' || g % 10, g % 10 FROM generate_series(1, 40) g;
  INSERT INTO clinic.result SELECT g, date '2025-12-01' + g, g / 3.0 FROM generate_series(1, 60) g;
  CREATE TRIGGER plain BEFORE INSERT OR UPDATE OR DELETE ON clinic.visit FOR EACH ROW EXECUTE FUNCTION clinic.see();
  CREATE TRIGGER replica BEFORE INSERT OR UPDATE OR DELETE ON clinic.visit FOR EACH ROW EXECUTE FUNCTION clinic.see();
  ALTER TABLE clinic.visit ENABLE REPLICA TRIGGER replica`

export const CLINIC = ['clinic.ward', 'clinic.visit', 'clinic.note', 'clinic.result']

export const BESIDE: TablesInto = { how: 'beside', schema: 'look' }
export const REPLACE: TablesInto = { how: 'replace' }
export const MERGE: TablesInto = { how: 'merge' }

export interface TablesHouse extends AsyncDisposable {
  at: RestoreHouse
  /** A proven export of the clinic as it was at first. */
  backupId: string
  /** Another proven one. */
  seal(change?: Partial<SealTablesOptions>): Promise<Manifest>
  /** A proven dump of the whole database. */
  dump(change?: Partial<SealOptions>): Promise<Manifest>
  query(sql: string): Promise<Record<string, unknown>[]>
  /** A session of somebody else, in the clinic's database unless told otherwise. */
  connected(applicationName: string, database?: string): Promise<SourceClient>
  /** Until a restore waits for a lock. */
  untilWaiting(): Promise<void>
  /** The clinic as it was at first. */
  reset(): Promise<void>
  /** An order about tables, of the clinic where no schema is named. */
  wish(names: string, into: TablesInto, more?: object): object
  /** A number for all that is in a table; equal as long as the rows are. */
  contents(table: string): Promise<string>
  /** Tables and schemas that restores made. */
  left(): Promise<string[]>
}

/** A house, and an agent that obeys while the tests of a file run. */
export interface ServedTablesHouse extends TablesHouse {
  cfg: AgentConfig
  /** Gives a command and waits for its end. */
  obeyed(change: object): Promise<RestoreSettled | undefined>
}

export async function serveTablesHouse(): Promise<ServedTablesHouse> {
  await using opening = new AsyncDisposableStack()
  const clinic = opening.use(await openTablesHouse())
  const cfg = clinic.at.config()
  opening.use(await clinic.at.house.agent(cfg))
  const owned = opening.move()
  return {
    ...{ ...clinic, cfg },
    async obeyed(change) {
      const { restoreId } = await clinic.at.command(cfg, change)
      const [settled] = await clinic.at.settled(restoreId)
      return settled
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

export async function openTablesHouse(): Promise<TablesHouse> {
  await using opening = new AsyncDisposableStack()
  // Tables are locked here and whoever holds one is told: nobody comes to them by himself.
  const at = opening.use(await openRestoreHouse({ settings: { autovacuum: 'off' } }))
  const { pg } = at.house
  const query = (sql: string) => pg.query('records', sql)
  const seal: TablesHouse['seal'] = async (change) => {
    const { recipient, agent: signer, verifier } = at.seals
    const target = at.targets.south
    const manifest = await sealTables({ pg, database: 'records', target, recipient, signer, list: CLINIC, ...change })
    await sealEvidence(target, verifier, manifest)
    return manifest
  }
  const dump: TablesHouse['dump'] = async (change) => {
    const { recipient, agent: signer, verifier } = at.seals
    const target = at.targets.south
    const manifest = await sealBackup({ pg, database: 'records', target, recipient, signer, ...change })
    await sealEvidence(target, verifier, manifest)
    return manifest
  }
  await query(CONTENTS)
  const { backupId } = await seal()
  const owned = opening.move()
  return {
    ...{ at, backupId, seal, dump, query },
    connected(applicationName, database = 'records') {
      const to = { host: pg.socketDir, port: pg.port, database, user: pg.user, sslmode: 'disable' } as const
      return connectSource(to, { applicationName, lockTimeoutMs: 1000 })
    },
    async untilWaiting() {
      const waiting = `select from pg_stat_activity where wait_event_type = 'Lock' and application_name = 'lifeboat restore'`
      await until(
        () => query(waiting),
        (sessions) => sessions.length === 1,
      )
    },
    async reset() {
      const made = await query(`select nspname as name from pg_namespace where nspname ~ '^(lifeboat_restoring_|look)'`)
      for (const { name } of made) await query(`drop schema "${name}" cascade`)
      await query(`drop schema clinic cascade; ${CONTENTS}`)
    },
    wish(names, into, more = {}) {
      const tables = names.split(' ').map((name) => ({ schema: 'clinic', name }))
      return { kind: 'tables', tables, into, backupId, ...more }
    },
    async contents(table) {
      const [row] = await query(
        `select md5(coalesce(string_agg(t::text, ',' order by t::text), '')) as hash from ${table} t`,
      )
      return String(row?.hash)
    },
    async left() {
      const rows = await query(
        `select format('%s.%s', n.nspname, c.relname) as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
          where c.relkind = 'r' and (c.relname ~ '_(before|reverted)_' or n.nspname ~ '^(lifeboat_restoring_|look)') order by 1`,
      )
      return rows.map(({ name }) => String(name))
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}
