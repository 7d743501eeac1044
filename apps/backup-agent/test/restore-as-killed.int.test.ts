import { until } from '@lifeboat/testkit/eventually.ts'
import { expect, test } from 'vitest'
import { dies, said } from './agent-process.ts'
import { gatedLives } from './gated-lives.ts'
import { pausingRestore } from './pausing-restore.ts'
import { openRestoreHouse, PATIENTS, type RestoreHouse } from './restore-house.ts'

const NAME = 'records_look'
const LOOK = { kind: 'new database', newDatabase: { name: NAME } }

const sql = (at: RestoreHouse, text: string, database = 'postgres') => at.house.pg.query(database, text)
const rows = (at: RestoreHouse) => sql(at, 'select count(*)::int as rows from patient', NAME)
const isThere = async (at: RestoreHouse) =>
  (await sql(at, `select from pg_database where datname = '${NAME}'`)).length === 1

test.concurrent.each(['look', 'restore', 'check', 'analyze', 'name', 'ready hook'])(
  'an agent killed at %s leaves no new database or a whole one, and after its restart the command is obeyed',
  async (phase) => {
    await using at = await openRestoreHouse()
    const { cfg, restoreId, lives, told } = await killedAt(at, phase)
    if (await isThere(at)) expect(await rows(at)).toEqual([{ rows: PATIENTS }])
    if (phase === 'ready hook') expect(await isThere(at)).toBe(true)
    await using second = await lives.next(phase === 'ready hook' ? ['ready'] : [])
    if (phase === 'ready hook') {
      await said(second, '"phase":"ready hook"', told)
      lives.letGo()
    }
    expect(await at.settled(restoreId)).toMatchObject([{ outcome: 'done', swapped: false, newDatabase: NAME }])
    expect(await rows(at)).toEqual([{ rows: PATIENTS }])
    expect([await at.patients(), await at.besides(), (await at.hooksRan()).at(-1)]).toEqual([0, [], 'ready'])
    const release = await at.command(cfg, { ...LOOK, action: 'release' })
    expect(await at.settled(release.restoreId)).toMatchObject([{ outcome: 'done', dropped: [NAME] }])
  },
  600_000,
)

test.concurrent('one that was cancelled while its agent was dead leaves nothing', async () => {
  await using at = await openRestoreHouse()
  await at.lose()
  const cfg = at.config()
  const lives = gatedLives(at.house, cfg, { restore: at.section, signers: at.signers, source: { restore: at.login } })
  let restoreId = ''
  {
    await using tools = await pausingRestore(at)
    await using first = await lives.next([], tools)
    restoreId = (await at.command(cfg, LOOK)).restoreId
    await until(tools.isThrough, (isThrough) => isThrough)
    await dies(first, at.house, cfg)
  }
  expect(await at.besides()).toEqual([expect.stringMatching(/^records_look_restoring_/)])
  await at.cancel(restoreId)
  await using _second = await lives.next()
  expect(await at.settled(restoreId)).toMatchObject([{ outcome: 'cancelled', swapped: false }])
  expect([await isThere(at), await at.patients(), await at.besides()]).toEqual([false, 0, []])
}, 600_000)

/** A command for a new database is given, and the agent is killed as soon as it says that this phase begins. `told`: where the log of its next life begins. */
async function killedAt(at: RestoreHouse, phase: string) {
  await at.lose()
  const cfg = at.config()
  const lives = gatedLives(at.house, cfg, { restore: at.section, signers: at.signers, source: { restore: at.login } })
  await using first = await lives.next(['ready'])
  const { restoreId } = await at.command(cfg, { ...LOOK, hooks: { ready: 'good' } })
  await said(first, `"phase":"${phase}"`)
  await dies(first, at.house, cfg)
  lives.letGo()
  return { cfg, restoreId, lives, told: first.log().length }
}
