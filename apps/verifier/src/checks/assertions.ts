import type { SourceClient } from '@lifeboat/postgres/connection.ts'
import type { DrillRules } from '../config.ts'
import { type Answer, failed, passed } from '../findings.ts'

type Assertion = DrillRules['assertions'][number]

const SYNTAX_ERROR = '42601'

/** Asks one question of the policy. It reads only: an assertion must not change what the next one sees. */
export async function checkAssertion(client: Pick<SourceClient, 'query'>, { sql, expect }: Assertion): Promise<Answer> {
  await client.query('begin read only')
  try {
    // As an array: two columns of one name would hide each other.
    const { rows } = await client.query<unknown[]>({ text: sql, rowMode: 'array' })
    const value = rows[0]?.[0]
    return holds(value, expect)
      ? passed(`It is ${print(value)}.`)
      : failed(`It is ${print(value)}, expected ${expected(expect)}.`)
  } catch (thrown) {
    const { code, message } = thrown as { code?: string; message: string }
    // The server went away, or the question is none: neither says anything about the data.
    if (code === undefined || code.startsWith('57')) throw thrown
    if (code === SYNTAX_ERROR) return { answer: 'unable', detail: `The query of the policy is no SQL: ${message}.` }
    return failed(`The query failed: ${message}.`)
  } finally {
    await client.query('rollback').catch(() => {})
  }
}

function holds(value: unknown, expect: Assertion['expect']): boolean {
  if ('equals' in expect) return value !== null && value !== undefined && equal(value, expect.equals)
  const number = value === null || value === undefined || value === '' ? Number.NaN : Number(value)
  return 'atLeast' in expect ? number >= expect.atLeast : number <= expect.atMost
}

/** The driver gives bigint and numeric as text, to lose no digit. */
function equal(value: unknown, wanted: string | number | boolean): boolean {
  return typeof wanted === 'number' ? Number(value) === wanted : String(value) === String(wanted)
}

function expected(expect: Assertion['expect']): string {
  if ('equals' in expect) return print(expect.equals)
  return 'atLeast' in expect ? `at least ${expect.atLeast}` : `at most ${expect.atMost}`
}

function print(value: unknown): string {
  return value === undefined
    ? 'no row'
    : value instanceof Date
      ? value.toISOString()
      : (JSON.stringify(value) ?? String(value))
}
