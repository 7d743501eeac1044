import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { type Loss, losing, through } from './losing-proxy.ts'
import { openTablesHouse, type TablesHouse } from './tables-restore-house.ts'

let clinic: TablesHouse
beforeAll(async () => {
  clinic = await openTablesHouse()
})
afterAll(() => clinic?.[Symbol.asyncDispose]())
beforeEach(() => clinic.reset())

const VISIT = { kind: 'tables', tables: [{ schema: 'clinic', name: 'visit' }] }

/** Obeys over a connection that loses this of the end of the transaction. */
async function obeyedLosing(loss: Loss, change: object) {
  await using proxy = await losing(clinic, loss)
  const cfg = through(clinic.at, proxy.port)
  await using _agent = await clinic.at.house.agent(cfg)
  const { restoreId } = await clinic.at.command(cfg, change)
  const [settled] = await clinic.at.settled(restoreId)
  expect(proxy.lost()).toBe(1)
  return settled
}

async function visits(): Promise<unknown> {
  return (await clinic.query('select count(*)::int as rows from clinic.visit'))[0]?.rows
}

/** The visits of the backup are there, and those that were there before, none, are kept. */
async function replaced(): Promise<void> {
  await clinic.query('delete from clinic.visit')
  const cfg = clinic.at.config()
  await using _agent = await clinic.at.house.agent(cfg)
  const { restoreId } = await clinic.at.command(cfg, clinic.wish('visit', { how: 'replace' }))
  expect(await clinic.at.settled(restoreId)).toMatchObject([{ outcome: 'done' }])
}

const HAPPENED: Loss[] = [
  'the answer',
  'the answer, and the server for a while,',
  'the connection, while the server is at it',
]

test.each<[Loss, number, string]>([
  ...HAPPENED.map((loss): [Loss, number, string] => [loss, 300, 'done']),
  ['the question', 0, 'failed'],
  ['the question, and what was loaded,', 0, 'failed'],
])('of the end of a restore %s is lost, and what is told is what happened', async (loss, rows, outcome) => {
  await clinic.query('delete from clinic.visit')
  const settled = await obeyedLosing(loss, clinic.wish('visit', { how: 'replace' }))
  expect([settled?.outcome, settled?.swapped, await visits()]).toEqual([outcome, outcome === 'done', rows])
  expect(await clinic.left()).toEqual(rows === 0 ? [] : [expect.stringMatching(/visit_before_/)])
})

test.each<[Loss, string]>([
  ...HAPPENED.map((loss): [Loss, string] => [loss, 'done']),
  ['the question', 'failed'],
  ['the question, and what was loaded,', 'failed'],
])('of the end of loading beside %s is lost, and what is told is what happened', async (loss, outcome) => {
  const settled = await obeyedLosing(loss, clinic.wish('visit', { how: 'beside', schema: 'look' }))
  expect([settled?.outcome, settled?.schema]).toEqual(outcome === 'done' ? ['done', 'look'] : ['failed', undefined])
  expect(await clinic.left()).toEqual(outcome === 'done' ? ['look.visit'] : [])
})

test.each<[Loss, number, RegExp]>([
  ...HAPPENED.map((loss): [Loss, number, RegExp] => [loss, 0, /visit_reverted_/]),
  ['the question', 300, /visit_before_/],
])('of the end of a revert %s is lost, and what is told is what happened', async (loss, rows, left) => {
  await replaced()
  const settled = await obeyedLosing(loss, { action: 'revert', ...VISIT })
  expect([settled?.outcome, settled?.swapped]).toEqual(rows === 0 ? ['done', true] : ['failed', false])
  expect([await visits(), await clinic.left()]).toEqual([rows, [expect.stringMatching(left)]])
})

test.each<[Loss, string]>([...HAPPENED.map((loss): [Loss, string] => [loss, 'done']), ['the question', 'failed']])(
  'of the end of a release %s is lost, and what is told is what happened',
  async (loss, outcome) => {
    await replaced()
    const [kept] = await clinic.left()
    const settled = await obeyedLosing(loss, { action: 'release', ...VISIT })
    expect([settled?.outcome, settled?.dropped]).toEqual(outcome === 'done' ? ['done', [kept]] : ['failed', undefined])
    expect([await visits(), await clinic.left()]).toEqual([300, outcome === 'done' ? [] : [kept]])
  },
)
