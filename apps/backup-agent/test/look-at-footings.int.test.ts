import type { Footing } from '@lifeboat/shared/domain/footing.ts'
import type { AgentId, PolicyId, SourceId } from '@lifeboat/shared/domain/ids.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { Footings } from '@lifeboat/shared/service/footings.ts'
import { startPostgres, type TestPostgres } from '@lifeboat/testkit/postgres.ts'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import type { AgentDeps } from '../src/deps.ts'
import { lookAtFootings } from '../src/look-at-footings.ts'

const [SOURCE, OTHER] = ['records' as SourceId, 'scans' as SourceId]
const PASSWORD = 'pa55'

let pg: TestPostgres
beforeAll(async () => {
  const login = `LOGIN PASSWORD '${PASSWORD}'`
  pg = await startPostgres({
    roles: { backup: login, mover: `${login} REPLICATION`, tied: login, restorer: `${login} SUPERUSER` },
  })
})
afterAll(() => pg[Symbol.asyncDispose]())

interface Logins {
  replicator?: { user: string; password?: string }
  restorer?: { user: string; password?: string }
  kind?: string
  /** Whose WAL is kept, and of whom the policy takes backups; default nobody and the source. */
  walOf?: SourceId
  backupsOf?: SourceId
}

/** What the first look at the source came to that reached the server: a look waits for it no longer than five seconds. */
async function firstLook({ replicator, restorer, kind = 'dump', walOf, backupsOf = SOURCE }: Logins) {
  const login = ({ user, password = PASSWORD }: { user: string; password?: string }) => ({
    ...{ host: pg.host, port: pg.port, database: 'postgres', sslmode: 'prefer', user },
    password: { reveal: () => password },
  })
  const connection = login({ user: 'backup' })
  const source = { connection, replication: replicator ? login(replicator) : connection }
  const footings = new Footings()
  const stop = new AbortController()
  const cfg = {
    agentId: 'db1' as AgentId,
    sources: new Map([[SOURCE, { ...source, restore: restorer && login(restorer) }]]),
    policies: new Map([['daily' as PolicyId, { sources: [backupsOf], kind }]]),
    wal: new Map(walOf && [[walOf, {}]]),
  }
  const deps = { cfg, spool: { demandDisk: async () => {} }, footings, log: silentLogger } as unknown as AgentDeps
  lookAtFootings(deps, stop.signal)
  const reached = ({ part, error }: Footing) => part === 'source' && error?.code !== 'SOURCE_UNREACHABLE'
  const found = await vi.waitUntil(() => footings.all().find(reached), { timeout: 150_000 })
  stop.abort()
  return found.error && { code: found.error.code, user: found.error.facts.user }
}

const mover = { user: 'mover', password: 'changed by somebody' }

test('the role that restores is asked for as well', async () => {
  expect(await firstLook({ restorer: { user: 'restorer' } })).toBeUndefined()
  const restorer = { user: 'restorer', password: 'changed by somebody' }
  expect(await firstLook({ restorer })).toEqual({ code: 'SOURCE_AUTH_REFUSED', user: 'restorer' })
})

test.each<[string, Logins]>([
  ['a base is taken', { kind: 'base' }],
  ['an incremental is taken', { kind: 'incremental' }],
  ['its WAL is kept', { walOf: SOURCE }],
])('the role that streams is asked for where %s', async (_where, logins) => {
  expect(await firstLook({ ...logins, replicator: { user: 'mover' } })).toBeUndefined()
  const refused = { code: 'SOURCE_AUTH_REFUSED', user: 'mover' }
  expect(await firstLook({ ...logins, replicator: mover })).toEqual(refused)
  // By the replication protocol: a password alone is not enough.
  expect(await firstLook({ ...logins, replicator: { user: 'tied' } })).toMatchObject({ user: 'tied' })
})

test.each<[string, Logins]>([
  ['dumps alone are taken', {}],
  ['bases and WAL are of another source', { kind: 'base', backupsOf: OTHER, walOf: OTHER }],
])('the role that streams is not asked for where %s', async (_where, logins) => {
  expect(await firstLook({ ...logins, replicator: mover })).toBeUndefined()
})
