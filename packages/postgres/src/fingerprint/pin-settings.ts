import type pg from 'pg'

/** What the text of a value depends on: pinned, it is independent of the role, the database and the host. */
export const TEXT_SETTINGS: Readonly<Record<string, string>> = {
  DateStyle: 'ISO, YMD',
  TimeZone: 'UTC',
  IntervalStyle: 'postgres',
  extra_float_digits: '1',
  bytea_output: 'hex',
  xmloption: 'content',
  xmlbinary: 'base64',
  lc_monetary: 'C',
  lc_numeric: 'C',
  lc_time: 'C',
}

/**
 * What the text of a value, and the rendering of a definition, depends on. Two measurements compare only under the same settings.
 * `row_security = off` makes a hidden row an error instead of a smaller count.
 */
const PINNED: Readonly<Record<string, string>> = {
  search_path: 'pg_catalog',
  ...TEXT_SETTINGS,
  quote_all_identifiers: 'off',
  row_security: 'off',
  // Compiling a query costs more than it gives here, and a statement timeout of the role is not meant for a backup.
  jit: 'off',
  statement_timeout: '0',
  idle_in_transaction_session_timeout: '0',
}

/** Pins them until the end of the transaction the client is in. */
export async function pinSettings(client: pg.ClientBase): Promise<void> {
  await client.query(
    'select set_config(setting.name, setting.value, true) from json_each_text($1::json) as setting(name, value)',
    [JSON.stringify(PINNED)],
  )
  // A backend busy with a long query otherwise never notices that its client is gone. Linux only: elsewhere the setting may be refused.
  await client.query(`select set_config('client_connection_check_interval', '2s', true) where version() like '%linux%'`)
}
