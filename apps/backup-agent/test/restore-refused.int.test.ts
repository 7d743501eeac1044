import { holdDatabase } from '@lifeboat/recovery/swap/hold-database.ts'
import { moment, newRestoreId } from '@lifeboat/shared/domain/ids.ts'
import { type Logger, silentLogger } from '@lifeboat/shared/log/logger.ts'
import { cosignOrder } from '@lifeboat/shared/signing/orders.ts'
import { until } from '@lifeboat/testkit/eventually.ts'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { SOURCE } from './agent-house.ts'
import { type RestoreHouse, type ServedRestoreHouse, serveRestoreHouse } from './restore-house.ts'

let served: ServedRestoreHouse
let { at, cfg } = {} as ServedRestoreHouse
beforeAll(async () => {
  served = await serveRestoreHouse()
  ;({ at, cfg } = served)
})
afterAll(() => served?.[Symbol.asyncDispose]())
beforeEach(() => served.begin())

describe('a command that is', () => {
  const past = () => ({ issuedAt: moment(Date.now() - 120_000), expiresAt: moment(Date.now() - 60_000) })
  test.each<[string, () => Promise<Parameters<RestoreHouse['publishRaw']>[0]>, string]>([
    [
      'unsigned',
      async () => ({ ...(await at.wish(await at.order(cfg))), order: { payload: 'e30', signatures: [] } }),
      'RESTORE_UNSIGNED',
    ],
    ['signed by a stranger', async () => at.wish(await at.order(cfg), at.operators.eve), 'RESTORE_STRANGER'],
    [
      'signed by a stranger under a known name',
      async () => at.wish(await at.order(cfg), { ...at.operators.eve, name: 'ann' }),
      'RESTORE_ALTERED',
    ],
    ['expired', async () => at.wish(await at.order(cfg, past())), 'RESTORE_EXPIRED'],
    [
      'for another host',
      async () => ({ ...(await at.wish(await at.order(cfg, { agentId: 'db2' }))), agentId: cfg.agentId }),
      'RESTORE_WRONG_HOST',
    ],
    [
      'about a source of another host',
      async () => at.wish(await at.order(cfg, { sourceId: 'theirs' })),
      'RESTORE_WRONG_HOST',
    ],
    [
      'naming an unknown hook',
      async () => at.wish(await at.order(cfg, { hooks: { stop: 'rm-rf' } })),
      'RESTORE_HOOK_UNKNOWN',
    ],
    [
      'naming a hook that cannot run as its account',
      async () => at.wish(await at.order(cfg, { hooks: { stop: 'good', start: 'stray' } })),
      'RESTORE_HOOK_UNFIT',
    ],
    [
      'altered',
      async () => {
        const wish = await at.wish(await at.order(cfg))
        const other = { ...(await at.order(cfg)), restoreId: wish.restoreId, why: 'another' }
        return { ...wish, order: { ...wish.order, payload: Buffer.from(JSON.stringify(other)).toString('base64url') } }
      },
      'RESTORE_ALTERED',
    ],
    [
      'carried as another',
      async () => ({ ...(await at.wish(await at.order(cfg))), restoreId: newRestoreId(Date.now()) }),
      'RESTORE_ALTERED',
    ],
  ])('%s changes nothing, is written down, and becomes a dead letter', async (_, make, code) => {
    const wish = await make()
    await at.publishRaw(wish)
    expect(await at.settled(wish.restoreId)).toMatchObject([{ outcome: 'refused', swapped: false, error: { code } }])
    expect(await at.audited(wish.restoreId)).toMatchObject([{ event: 'refused', error: { code } }])
    await expect
      .poll(() =>
        at.house.deadLetters.some((letter) => letter.excerpt.includes(wish.restoreId) && letter.error?.code === code),
      )
      .toBe(true)
    expect([await at.patients(), await at.besides()]).toEqual([0, []])
  })

  test('going to be refused for the account of its hook is told when the agent starts', async () => {
    const warned: object[] = []
    const log: Logger = { ...silentLogger, child: () => log, warn: (facts) => void warned.push(facts) }
    await using _agent = await at.house.agent(at.config(), log)
    const unfit = { event: 'restore.hook-unfit', hook: 'stray', err: { code: 'RESTORE_HOOK_UNFIT' } }
    await expect
      .poll(() => warned)
      .toContainEqual(expect.objectContaining({ ...unfit, err: expect.objectContaining(unfit.err) }))
  })

  test('sent a second time is refused, also by an agent that was restarted meanwhile', async () => {
    const order = await at.order(cfg)
    await at.publishRaw(await at.wish(order))
    await at.settled(order.restoreId)
    await at.lose()
    await served.restart()
    await at.publishRaw(await at.wish(order))
    const [, second] = await at.settled(order.restoreId, 2)
    expect(second).toMatchObject({ outcome: 'refused', error: { code: 'RESTORE_REPLAYED' } })
    expect(await at.patients()).toBe(0)
  })

  test('new, but bears the nonce or the name of one that was obeyed, is refused', async () => {
    const first = await at.command(cfg, { action: 'release' })
    await at.settled(first.restoreId)
    const replayed = { outcome: 'refused', error: { code: 'RESTORE_REPLAYED' } }
    const sameNonce = await at.command(cfg, { nonce: first.nonce })
    expect(await at.settled(sameNonce.restoreId)).toMatchObject([replayed])
    await at.command(cfg, { restoreId: first.restoreId })
    expect(await at.settled(first.restoreId, 2)).toMatchObject([
      { error: { code: 'RECOVERY_NOTHING_ASIDE' } },
      replayed,
    ])
    expect(await at.patients()).toBe(0)
  })

  test('short of a second operator is refused where two are wanted, and obeyed with both', async () => {
    const strict = at.config()
    await using _other = await at.house.agent({
      ...strict,
      restore: strict.restore && { ...strict.restore, signatures: 2 },
    })
    const lonely = await at.wish(await at.order(strict))
    await at.publishRaw(lonely)
    expect(await at.settled(lonely.restoreId)).toMatchObject([{ error: { code: 'RESTORE_SIGNATURES_MISSING' } }])
    const wish = await at.wish(await at.order(strict))
    await at.publishRaw({ ...wish, order: await cosignOrder(wish.order, at.operators.ben) })
    expect(await at.settled(wish.restoreId)).toMatchObject([{ outcome: 'done' }])
    expect((await at.audited(wish.restoreId))[0]?.who).toEqual(['ann', 'ben'])
  })
})

test('who sends a command once more while it is obeyed ends nothing and speaks for nobody', async () => {
  const order = await at.order(cfg, { hooks: { stop: 'waiting' } })
  const wish = await at.wish(order)
  await at.publishRaw(wish)
  // Two that NATS takes in one millisecond are one message to the agent.
  await until(
    () => at.audited(order.restoreId),
    (all) => all.length > 0,
  )
  await at.publishRaw(wish)
  await until(
    () => at.audited(order.restoreId),
    (all) => all.some(({ event }) => event === 'refused'),
  )
  await at.letGo()
  expect(await at.settled(order.restoreId)).toMatchObject([{ outcome: 'done', swapped: true }])
})

test('a command that finds somebody recovering the database has failed: it was accepted, and is not under way', async () => {
  const source = cfg.sources.get(SOURCE)
  if (!source || !('restore' in source) || !source.restore) throw new Error('the source is a database')
  await using _held = await holdDatabase(source.restore, 'records')
  const { restoreId } = await at.command(cfg)
  const failed = { error: { code: 'RECOVERY_UNDER_WAY' } }
  expect(await at.settled(restoreId)).toMatchObject([{ outcome: 'failed', swapped: false, ...failed }])
  expect(await at.audited(restoreId)).toMatchObject([{ event: 'accepted' }, { event: 'failed', ...failed }])
})

test('of two commands about one source at once the second is refused', async () => {
  const first = await at.command(cfg, { hooks: { stop: 'waiting' } })
  await until(
    () => at.audited(first.restoreId),
    (all) => all.length > 0,
  )
  const second = await at.command(cfg)
  expect(await at.settled(second.restoreId)).toMatchObject([
    { outcome: 'refused', error: { code: 'RESTORE_UNDER_WAY' } },
  ])
  await at.letGo()
  expect(await at.settled(first.restoreId)).toMatchObject([{ outcome: 'done' }])
})

test('one that is cancelled and still under way keeps others from its source', async () => {
  const first = await at.command(cfg, { hooks: { stop: 'waiting' } })
  await until(at.hooksRan, (ran) => ran.length > 0)
  await at.cancel(first.restoreId, served.agent)
  const second = await at.command(cfg)
  expect(await at.settled(second.restoreId)).toMatchObject([
    { outcome: 'refused', error: { code: 'RESTORE_UNDER_WAY' } },
  ])
  await at.letGo()
  expect(await at.settled(first.restoreId)).toMatchObject([{ outcome: 'cancelled' }])
})
