import { besideName } from '@lifeboat/recovery/bare/recover-into-server.ts'
import { nameDatabase } from '@lifeboat/recovery/swap/new-name.ts'
import type { Delivery } from '@lifeboat/shared/bus/bus.ts'
import type { RestoreOrder } from '@lifeboat/shared/domain/restore.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { DatabaseSource } from '../src/config.ts'
import { restoreOnCommand } from '../src/handlers/restore.ts'
import type { Entry } from '../src/restore/book.ts'
import { SOURCE } from './agent-house.ts'
import { type ServedRestoreHouse, serveRestoreHouse } from './restore-house.ts'

const NAME = 'records_look'
const LOOK = { kind: 'new database', newDatabase: { name: NAME } }
const AGAIN: Delivery = {
  ...{ attempt: 2, publishedAt: 0, signal: new AbortController().signal, log: silentLogger },
}

let served: ServedRestoreHouse
let { at, cfg, agent } = {} as ServedRestoreHouse
beforeAll(async () => {
  served = await serveRestoreHouse()
  ;({ at, cfg, agent } = served)
})
afterAll(() => served?.[Symbol.asyncDispose]())
beforeEach(async () => {
  await served.begin()
  await sql(`drop database if exists ${NAME}`)
})

const sql = (text: string) => at.house.pg.query('postgres', text)
const names = async () => {
  const found = await sql(`select datname from pg_database where datname ~ '^records_' order by 1`)
  return found.map(({ datname }) => String(datname))
}
const nextOf = (order: RestoreOrder) => besideName(NAME, 'restoring', order.restoreId.slice(-6))

/** A command as an earlier life of the agent left it in the book, with an empty database in the place of what it had restored. */
async function left(how: Partial<Entry>, change: object = {}): Promise<RestoreOrder> {
  const order = await at.order(cfg, { ...LOOK, hooks: {}, ...change })
  const { restoreId, nonce } = order
  await agent.deps.restores.write({ restoreId, nonce, sourceId: SOURCE, who: ['ann'], stage: 'accepted', ...how })
  if (order.action === 'restore') await sql(`create database ${nextOf(order)}`)
  return order
}

async function again(order: RestoreOrder, by = cfg) {
  await restoreOnCommand({ ...agent.deps, cfg: by })(await at.wish(order), AGAIN)
  return (await at.settled(order.restoreId))[0]
}

test('one that was whole is not restored again, and gets its name', async () => {
  const settled = await again(await left({ stage: 'ready' }))
  expect(settled).toMatchObject({ outcome: 'done', swapped: false, newDatabase: NAME })
  expect(settled?.tables).toBeUndefined()
  expect(await names()).toEqual([NAME])
})

test('one of which the agent did not hear whether it got its name gets it, where it has not', async () => {
  expect(await again(await left({ stage: 'swapping' }))).toMatchObject({ outcome: 'done', newDatabase: NAME })
  expect(await names()).toEqual([NAME])
})

test.each(['swapping', 'swapped'] as const)(
  'one that has its name is neither restored nor named again (%s)',
  async (stage) => {
    const order = await left({ stage })
    const { restore } = cfg.sources.get(SOURCE) as DatabaseSource
    if (!restore) throw new Error('the source is restored')
    await nameDatabase(restore, { from: nextOf(order), name: NAME, restoreId: order.restoreId })
    const settled = await again(order)
    expect(settled).toMatchObject({ outcome: 'done', swapped: false, newDatabase: NAME })
    expect([settled?.tables, await names()]).toEqual([undefined, [NAME]])
  },
)

test("somebody else's of that name is not taken for it", async () => {
  const order = await left({ stage: 'swapping' })
  await sql(`create database ${NAME}`)
  expect(await again(order)).toMatchObject({ outcome: 'failed', error: { code: 'RESTORE_NAME_TAKEN' } })
  expect(await names()).toEqual([NAME])
})

test('production is said to be as it was where the source left the configuration behind its naming', async () => {
  const without = { ...cfg, sources: new Map() }
  expect(await again(await left({ stage: 'swapped' }), without)).toMatchObject({ outcome: 'failed', swapped: false })
})

test('a release whose agent died behind the drop has nothing left to do, one that died before it drops nothing of others', async () => {
  const release = { action: 'release' }
  expect(await again(await left({ stage: 'ready' }, release))).toMatchObject({ outcome: 'done', dropped: [] })
  await sql(`create database ${NAME}`)
  expect(await again(await left({ stage: 'ready' }, release))).toMatchObject({ error: { code: 'RESTORE_NOT_MADE' } })
  expect(await names()).toEqual([NAME])
})
