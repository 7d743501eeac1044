import { statfs } from 'node:fs/promises'
import { holdDatabase } from '@lifeboat/recovery/swap/hold-database.ts'
import type { SourceId } from '@lifeboat/shared/domain/ids.ts'
import type { Manifest } from '@lifeboat/shared/domain/manifest.ts'
import { cosignOrder } from '@lifeboat/shared/signing/orders.ts'
import { wrap } from '@lifeboat/storage/layers/wrap.ts'
import { until } from '@lifeboat/testkit/eventually.ts'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { AgentConfig, DatabaseSource, RestoreConfig } from '../src/config.ts'
import { SOURCE } from './agent-house.ts'
import { pausingRestore } from './pausing-restore.ts'
import { PATIENTS, type ServedRestoreHouse, serveRestoreHouse } from './restore-house.ts'

const NAME = 'Records, for a look'
const LOOK = { kind: 'new database', newDatabase: { name: NAME } }

let served: ServedRestoreHouse
let { at, cfg } = {} as ServedRestoreHouse
beforeAll(async () => {
  served = await serveRestoreHouse()
  ;({ at, cfg } = served)
})
afterAll(() => served?.[Symbol.asyncDispose]())
beforeEach(async () => {
  await served.begin()
  await sql(`drop database if exists "${NAME}" with (force)`)
  await sql('comment on database records is null')
})

const sql = (text: string, database = 'postgres') => at.house.pg.query(database, text)
const isThere = async () => (await sql(`select from pg_database where datname = '${NAME}'`)).length === 1
const rows = async () => (await sql('select count(*)::int as rows from patient', NAME))[0].rows
const commentOf = async (name: string) =>
  (await sql(`select shobj_description(oid, 'pg_database') as said from pg_database where datname = '${name}'`))[0].said
const ended = async (change: object = {}) => {
  const { restoreId } = await at.command(cfg, { ...LOOK, ...change })
  const [settled] = await at.settled(restoreId)
  return { restoreId, settled }
}
/** The command, to an agent of its own that does not come to the end of restoring until it is let go. */
const slowly = async () => {
  await using opening = new AsyncDisposableStack()
  const tools = opening.use(await pausingRestore(at))
  const other = { ...at.config(), toolPaths: tools.toolPaths }
  const agent = opening.use(await at.house.agent(other))
  const { restoreId } = await at.command(other, LOOK)
  await until(tools.isThrough, (isThrough) => isThrough)
  const owned = opening.move()
  return { restoreId, agent, letGo: tools.letGo, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}
const untouched = async () => expect([await at.patients(), await at.besides()]).toEqual([0, []])

test('a dump comes back under a new name, compared, while people go on in the database it was taken of', async () => {
  const { left } = await at.staying()
  const { restoreId, settled } = await ended({ hooks: { ready: 'good' } })
  expect(settled).toMatchObject({ outcome: 'done', swapped: false, newDatabase: NAME, tables: 2 })
  expect(settled?.aside).toBeUndefined()
  expect([await rows(), await at.hooksRan()]).toEqual([PATIENTS, ['ready']])
  await untouched()
  const [session] = await sql(`select count(*)::int as stayed from pg_stat_activity where query ~ '^select pg_sleep'`)
  expect(session).toEqual({ stayed: 1 })
  await left()
  const about = { who: ['ann'], action: 'restore', kind: 'new database', newDatabase: { name: NAME } }
  const audited = await at.audited(restoreId)
  expect(audited).toMatchObject(['accepted', 'done'].map((event) => ({ event, ...about, backupId: at.backupId })))
  expect(audited.filter(({ database }) => database !== undefined)).toEqual([])
})

test('a plan for it tells the new name, cuts nobody and keeps nothing aside', async () => {
  const plan = await at.plan(cfg, { newDatabase: LOOK.newDatabase as never, hooks: { ready: 'good' as never } })
  expect(plan).toMatchObject({ newDatabase: { name: NAME }, database: 'records', sessions: [], obstacles: [] })
  expect(plan.disks.length).toBeGreaterThan(0)
  await untouched()
})

describe('where a database has the name already,', () => {
  beforeEach(() => sql(`create database "${NAME}"`))
  const taken = { code: 'RESTORE_NAME_TAKEN', facts: { database: NAME } }

  test('the plan says so', async () => {
    expect(await at.plan(cfg, { newDatabase: LOOK.newDatabase as never })).toMatchObject({ obstacles: [taken] })
  })

  test('the agent refuses before it fetches the archive, and leaves it alone', async () => {
    const asked: string[] = []
    const heard = wrap(at.targets.south, {
      get(key, opts) {
        asked.push(key)
        return at.targets.south.get(key, opts)
      },
    })
    await using lending = await at.lend([heard])
    const other = at.config()
    const restore = { ...(other.restore as RestoreConfig), uploaders: [`http://127.0.0.1:${lending.port}`] }
    await using _agent = await at.house.agent({ ...other, restore })
    const { restoreId } = await at.command(other, LOOK)
    expect(await at.settled(restoreId)).toMatchObject([{ outcome: 'failed', swapped: false, error: taken }])
    expect(asked.filter((key) => key.includes('manifest.json'))).not.toEqual([])
    expect(asked.filter((key) => key.includes('db.dump'))).toEqual([])
    expect([await isThere(), await sql('select from pg_class where relname = $$patient$$', NAME)]).toEqual([true, []])
    await untouched()
  })

  test('a release does not take it for one that a restore made', async () => {
    const { settled } = await ended({ action: 'release' })
    expect(settled).toMatchObject({ outcome: 'failed', error: { code: 'RESTORE_NOT_MADE' } })
    expect(await isThere()).toBe(true)
  })
})

test('a name that is taken while the dump is restored is found at the end, and nothing is left', async () => {
  await using slow = await slowly()
  await sql(`create database "${NAME}"`)
  await slow.letGo()
  expect(await at.settled(slow.restoreId)).toMatchObject([
    { outcome: 'failed', swapped: false, error: { code: 'RESTORE_NAME_TAKEN' } },
  ])
  expect(await sql('select from pg_class where relname = $$patient$$', NAME)).toEqual([])
  await untouched()
})

test('it goes again by a signed release, whoever is in it, and a second release finds none', async () => {
  await ended()
  const staying = sql('select pg_sleep(3600)', NAME).catch((err: Error) => err)
  await until(
    () => sql(`select from pg_stat_activity where datname = '${NAME}' and query ~ '^select pg_sleep'`),
    ({ length }) => length > 0,
  )
  expect((await ended({ action: 'release' })).settled).toMatchObject({ outcome: 'done', dropped: [NAME] })
  expect(await staying).toBeInstanceOf(Error)
  expect(await isThere()).toBe(false)
  expect((await ended({ action: 'release' })).settled).toMatchObject({
    error: { code: 'RESTORE_NOT_MADE', facts: { problem: 'there is no such database' } },
  })
})

test('a release drops it neither under another name nor for a copy of its comment', async () => {
  await ended()
  const mark = await commentOf(NAME)
  await sql(`alter database "${NAME}" rename to adopted`)
  await sql(`create database "${NAME}"`)
  await sql(`comment on database "${NAME}" is $$${mark}$$`)
  for (const name of ['adopted', NAME]) {
    const { settled } = await ended({ action: 'release', newDatabase: { name } })
    expect(settled).toMatchObject({ outcome: 'failed', error: { code: 'RESTORE_NOT_MADE' } })
  }
  expect(await isThere()).toBe(true)
  await sql('drop database adopted')
})

test('a release that was signed before the database was made lets it stay', async () => {
  const hour = 3_600_000
  const early = { issuedAt: new Date(Date.now() - hour).toISOString(), action: 'release' }
  await ended()
  expect((await ended(early)).settled).toMatchObject({ error: { code: 'RESTORE_NOT_MADE' } })
  expect(await isThere()).toBe(true)
})

test('a release does not drop what has become the database of a source', async () => {
  const source = cfg.sources.get(SOURCE) as DatabaseSource
  const adopted = { ...source, connection: { ...source.connection, database: NAME } }
  const other = at.config()
  await using _agent = await at.house.agent({
    ...other,
    sources: new Map([...other.sources, ['adopted' as never, adopted]]),
  })
  const done = async (change: object) =>
    (await at.settled((await at.command(other, { ...LOOK, ...change })).restoreId))[0]
  expect(await done({})).toMatchObject({ outcome: 'done' })
  expect(await done({ action: 'release' })).toMatchObject({
    error: { code: 'RESTORE_NOT_MADE', facts: { problem: 'it is the database of adopted' } },
  })
  expect(await isThere()).toBe(true)
})

test('what the comment of a database says comes along, and the mark of an earlier restore does not', async () => {
  await sql(`comment on database records is $$Of the ward.\nAsk Eve.$$`)
  const backupId = await at.unproven()
  const allowed = { backupId, unproven: true }
  const { restoreId } = await ended(allowed)
  const marked = (id: string) => new RegExp(`^Of the ward\\.\\nAsk Eve\\.\\nMade by ${id} [^\\n]*$`)
  const comment = await commentOf(NAME)
  expect(comment).toMatch(marked(restoreId))
  await sql(`comment on database records is $$${comment}$$`)
  const again = { backupId: await at.unproven(), unproven: true }
  await ended({ action: 'release' })
  const second = await ended(again)
  expect(second.settled).toMatchObject({ outcome: 'done' })
  expect(await commentOf(NAME)).toMatch(marked(second.restoreId))
})

test.each(['stop', 'start'])('a command for it that names a %s hook is refused: nothing is stopped', async (on) => {
  const order = await at.order(cfg, { ...LOOK, hooks: { [on]: 'good' } })
  const unsigned = { payload: Buffer.from(JSON.stringify(order)).toString('base64url'), signatures: [] }
  const { restoreId, agentId } = { ...order, agentId: cfg.agentId }
  await at.publishRaw({ restoreId, agentId, order: await cosignOrder(unsigned, at.operators.ann) })
  expect(await at.settled(restoreId)).toMatchObject([{ outcome: 'refused', error: { code: 'RESTORE_ALTERED' } }])
  expect(await at.hooksRan()).toEqual([])
})

test('a ready hook that fails is told, with the database there and nothing else changed', async () => {
  const { settled } = await ended({ hooks: { ready: 'failing' } })
  expect(settled).toMatchObject({
    ...{ outcome: 'failed', swapped: false, newDatabase: NAME },
    error: { code: 'RESTORE_HOOK_FAILED', facts: { swapped: false } },
  })
  expect(await rows()).toBe(PATIENTS)
  await untouched()
})

test('a disk without room for it is told before the first byte', async () => {
  const { bavail, bsize } = await statfs(at.house.folder)
  const databaseBytes = Math.round(0.6 * bavail * bsize)
  const backupId = await at.unproven((of) => ({ ...of, summary: { ...of.summary, databaseBytes } }) as Manifest)
  const { settled } = await ended({ backupId, unproven: true })
  expect(settled).toMatchObject({ outcome: 'failed', error: { code: 'RECOVERY_NO_ROOM' } })
  expect(await isThere()).toBe(false)
})

test('a role the server does not have comes along', async () => {
  await sql('create role nurse')
  await sql('grant select on patient to nurse', 'records')
  const allowed = { backupId: await at.unproven(), unproven: true }
  await sql('revoke select on patient from nurse', 'records')
  await sql('drop role nurse')
  expect((await ended(allowed)).settled).toMatchObject({ outcome: 'done' })
  expect(await sql(`select has_table_privilege('nurse', 'patient', 'select') as may`, NAME)).toEqual([{ may: true }])
  await sql(`drop database "${NAME}"`)
  await sql('drop role nurse')
})

test('cancelled before it has its name nothing is left', async () => {
  await using slow = await slowly()
  await at.cancel(slow.restoreId, slow.agent)
  expect(await at.settled(slow.restoreId)).toMatchObject([{ outcome: 'cancelled', swapped: false }])
  expect(await isThere()).toBe(false)
  await untouched()
})

test('whoever recovers a database of that name keeps it from being made', async () => {
  const source = cfg.sources.get(SOURCE) as DatabaseSource
  if (!source.restore) throw new Error('the source is restored')
  await using _held = await holdDatabase(source.restore, NAME)
  expect((await ended()).settled).toMatchObject({ outcome: 'failed', error: { code: 'RECOVERY_UNDER_WAY' } })
})

test('sent a second time it is refused', async () => {
  const order = await at.order(cfg, LOOK)
  await at.publishRaw(await at.wish(order))
  expect(await at.settled(order.restoreId)).toMatchObject([{ outcome: 'done' }])
  await at.publishRaw(await at.wish(order))
  expect((await at.settled(order.restoreId, 2))[1]).toMatchObject({ error: { code: 'RESTORE_REPLAYED' } })
})

describe('of another source, onto the server of one of its own,', () => {
  const theirs = { name: NAME as never, copiesOf: SOURCE }
  /** An agent that has never heard of the source whose backup it is. */
  const staging = async () => {
    const other = at.config()
    const source = other.sources.get(SOURCE) as DatabaseSource
    const ours = { ...other, sources: new Map([['staging' as SourceId, source]]) }
    return Object.assign(await at.house.agent(ours), { cfg: ours })
  }

  test('a dump comes back by the agent the command names', async () => {
    await using agent = await staging()
    const plan = await at.plan(agent.cfg, { sourceId: 'staging' as SourceId, newDatabase: theirs })
    expect(plan).toMatchObject({ sourceId: 'staging', newDatabase: theirs, backup: { backupId: at.backupId } })
    const onto = { ...LOOK, sourceId: 'staging', newDatabase: theirs }
    const { restoreId } = await at.command(agent.cfg, onto)
    expect(await at.settled(restoreId)).toMatchObject([{ outcome: 'done', sourceId: 'staging', newDatabase: NAME }])
    expect(await rows()).toBe(PATIENTS)
    expect((await at.audited(restoreId))[0]).toMatchObject({ sourceId: 'staging', newDatabase: theirs })
    const release = await at.command(agent.cfg, { ...onto, action: 'release' })
    expect(await at.settled(release.restoreId)).toMatchObject([{ outcome: 'done', dropped: [NAME] }])
    await untouched()
  })

  test.each<[string, (its: AgentConfig) => object]>([
    ['another agent', () => ({ agentId: 'db9', sourceId: 'staging' })],
    ['a source that is none of its own', () => ({ sourceId: SOURCE })],
    ['the agent of the other source', () => ({ agentId: cfg.agentId, sourceId: SOURCE })],
  ])('one that names %s is refused', async (_, change) => {
    await using agent = await staging()
    const order = await at.order(agent.cfg, { ...LOOK, newDatabase: theirs, ...change(agent.cfg) })
    await at.publishRaw({ ...(await at.wish(order)), agentId: agent.cfg.agentId })
    expect(await at.settled(order.restoreId)).toMatchObject([
      { outcome: 'refused', error: { code: 'RESTORE_WRONG_HOST' } },
    ])
    expect(await isThere()).toBe(false)
  })

  test('it is nothing where the agent does not know the key of who took it', async () => {
    const other = at.config()
    const source = other.sources.get(SOURCE) as DatabaseSource
    const { db1: _unknown, ...signers } = other.signers
    const ours = { ...other, signers, sources: new Map([['staging' as SourceId, source]]) }
    await using _agent = await at.house.agent(ours)
    const { restoreId } = await at.command(ours, { ...LOOK, sourceId: 'staging', newDatabase: theirs })
    expect(await at.settled(restoreId)).toMatchObject([
      { outcome: 'failed', swapped: false, error: { code: 'RECOVERY_NOTHING_THERE' } },
    ])
    expect(await isThere()).toBe(false)
  })
})
