import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Ledger } from '@lifeboat/catalog/ledger.ts'
import { connectBus } from '@lifeboat/shared/bus/nats-bus.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { fakePgDump } from '@lifeboat/testkit/fake-tools/fake-pg-dump.ts'
import { startNats } from '@lifeboat/testkit/nats.ts'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { isPartName } from '../src/spool/files.ts'
import { type AgentHouse, openAgentHouse } from './agent-house.ts'

const DOWN_MS = 40_000

let house: AgentHouse
beforeAll(async () => {
  house = await openAgentHouse()
  await house.database('records')
})
afterAll(() => house[Symbol.asyncDispose]())

async function partBytes(folder: string): Promise<number> {
  const names = (await readdir(folder)).filter(isPartName)
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(folder, name))).size))
  return sizes.reduce((sum, size) => sum + size, 0)
}

test('a dump during which NATS is away for forty seconds completes, and leaves one backup and exact accounts', async () => {
  await using fake = await fakePgDump(house.pg.binDir, { kind: 'is slow', beforeMs: 3_000 })
  await using nats = await startNats()
  const cfg = house.config({ database: 'records', toolPaths: [fake.folder] })
  const bus = { servers: [nats.url], replicas: 1 as const }
  await using agent = await house.agent({ ...cfg, bus: { ...cfg.bus, ...bus } })
  await using wishes = await connectBus({ ...bus, name: 'wishes', log: silentLogger })
  const wish = await house.wish(cfg, {}, wishes)
  const { spool } = agent.deps
  await vi.waitFor(() => expect(spool.all()).toHaveLength(1), 90_000)
  await nats.restart({ downMs: DOWN_MS })
  const ledger = await Ledger.open(wishes)
  const isOver = async () => expect((await ledger.get(wish.runId))?.state).toBe('succeeded')
  await vi.waitFor(isOver, { timeout: 240_000, interval: 250 })
  const folders = await readdir(join(spool.path, 'backups'))
  expect(folders).toEqual([(await ledger.get(wish.runId))?.backupId])
  expect(spool.room.used).toBe(await partBytes(join(spool.path, 'backups', folders[0] ?? '')))
  expect(spool.room.used).toBeGreaterThan(0)
})
