import { Secret } from '@lifeboat/shared/config/secret.ts'
import { startPostgres, type TestPostgres } from '@lifeboat/testkit/postgres.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { connectSource } from '../src/connection.ts'
import { ensureHeartbeat, heartbeatFinding, heartbeatTable } from '../src/heartbeat.ts'

const stack = new AsyncDisposableStack()
let pg: TestPostgres
beforeAll(async () => {
  pg = stack.use(await startPostgres({ roles: { weak: "LOGIN PASSWORD 'p'" } }))
})
afterAll(() => stack.disposeAsync())

async function connect() {
  const to = { host: pg.host, port: pg.port, database: 'postgres', user: 'weak', sslmode: 'prefer' as const }
  return connectSource({ ...to, password: new Secret('p') }, { applicationName: 'test', lockTimeoutMs: 1000 })
}

async function beat(schema: string): Promise<void> {
  await using client = await connect()
  await ensureHeartbeat(client, schema)
  await client.query(
    `INSERT INTO ${heartbeatTable(schema)} VALUES (1, now(), 1) ON CONFLICT (id) DO UPDATE SET beat = 2`,
  )
}

test.each([
  ['there is nothing yet', 'nothing', []],
  ['somebody made the schema', 'empty', ['CREATE SCHEMA empty']],
  [
    'somebody made schema and table',
    'made',
    [
      'CREATE SCHEMA made',
      'CREATE TABLE made.heartbeat (id int PRIMARY KEY, beat_at timestamptz NOT NULL, beat bigint NOT NULL)',
    ],
  ],
])(
  'a role without rights is told the exact statements, and they are enough, where %s',
  async (_title, schema, before) => {
    for (const statement of before) await pg.query('postgres', statement)
    await using client = await connect()
    const finding = await heartbeatFinding(client, 'weak', schema)
    expect(finding.state).toBe('note')
    await expect(beat(schema)).rejects.toThrow(/permission denied/)
    for (const statement of finding.statements) await pg.query('postgres', statement)
    expect(await heartbeatFinding(client, 'weak', schema)).toMatchObject({ state: 'fine' })
    await beat(schema)
    await beat(schema)
    expect(await heartbeatFinding(client, 'weak', schema)).toMatchObject({
      state: 'fine',
      message: expect.stringContaining('may write'),
    })
  },
)
