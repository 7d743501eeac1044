import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { connectSource } from '@lifeboat/postgres/connection.ts'
import { leftServer } from '@lifeboat/postgres/scratch/left-server.ts'
import { expect, test, vi } from 'vitest'
import { dies, said, spawnAgent } from './agent-process.ts'
import { openClusterHouse } from './cluster-house.ts'

test.concurrent.each([
  ['replaying', 'replay'],
  ['reading the table at its moment', 'measure'],
  ['loading it', 'load'],
])(
  'an agent killed while %s leaves no server behind, and after its restart the table is as it was at its moment',
  async (_, phase) => {
    await using house = await openClusterHouse()
    const { at, section, login, base } = house
    const cfg = house.config()
    const change = { restore: section, signers: at.signers, source: { restore: login } }
    await using first = await spawnAgent(at.house, cfg, change)
    const { socketDir: host, port, user } = at.house.pg
    const to = { host, port, user, database: 'records', sslmode: 'disable' } as const
    await using somebody = await connectSource(to, { applicationName: 'somebody', lockTimeoutMs: 0 })
    // Nobody makes a schema meanwhile, so nothing is loaded, and until it is the server is needed.
    await somebody.query('begin; lock table pg_namespace in share mode')
    const tables = [{ schema: 'public', name: 'visit' }]
    const goal = { to: 'time', time: house.between }
    const about = { kind: 'tables', tables, into: { how: 'replace' }, goal, backupId: base.backupId }
    const { restoreId } = await at.command(cfg, about)
    await said(first, `"phase":"${phase}"`)
    await dies(first, at.house, cfg)
    await somebody.query('commit')
    const left = await leftServer(join(house.clusters, 'records.tables', 'data'))
    // Who only begins to replay may not have started it yet.
    if (phase !== 'replay') expect(left).toBeDefined()
    expect(await house.visits()).toBe('1 2 3 4')
    await using _second = await spawnAgent(at.house, cfg, change)
    expect(await at.settled(restoreId)).toMatchObject([{ outcome: 'done', swapped: true }])
    // Nobody waits for who ended any more but the system, in its own time.
    if (left !== undefined) await vi.waitFor(() => expect(() => process.kill(left, 0)).toThrow('ESRCH'), 90_000)
    expect([await house.visits(), await readdir(house.clusters)]).toEqual(['1 2', []])
  },
  600_000,
)
