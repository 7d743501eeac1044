import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { RecoveryPoint } from '@lifeboat/catalog/sets.ts'
import type { RestoreAudited } from '@lifeboat/shared/bus/messages/restore.ts'
import { until } from '@lifeboat/testkit/eventually.ts'
import { AGENT, POLICY, SOURCE, type WorldConfig } from '@lifeboat/testkit/world/config.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { backUp } from './support/backups.ts'
import { openRestoreWorld, type RestoreWorld } from './support/restore-world.ts'

let at: RestoreWorld
let code: string
beforeAll(async () => {
  at = await openRestoreWorld({ configure: withSet })
  code = codeOf(at.world.config as WorldConfig)
})
afterAll(() => at?.[Symbol.asyncDispose]())

test('everything of one recovery point comes back on one confirmation, and what fails ends it and says how to go on', async () => {
  const { world, identityFile, hooked } = at
  const point = await takeSet()
  await at.lose()
  writeFileSync(join(code, 'main.js'), 'broken')
  rmSync(join(code, 'settings.json'))

  const keyed = ['--identity', identityFile]
  const told = await world.cli(['restore', 'set', point, '--plan-only', ...keyed, ...hooked])
  expect([told.code, told.stdout]).toEqual([0, expect.stringMatching(/1\. records, database[\s\S]*2\. app, files/)])
  expect(told.stdout).toMatch(/left out: weekly-results of records: .*brings it back as well/)
  expect([await at.visits(), readFileSync(join(code, 'main.js'), 'utf8')]).toEqual([0, 'broken'])

  const command = ['restore', 'set', point, ...keyed, '--key', at.keyFile('ann'), '--why', 'release 4.2', ...hooked]
  const mistyped = await world.cli([...command, '--yes-i-mean', SOURCE])
  expect([mistyped.code, await at.visits()]).toEqual([2, 0])
  const done = await world.json<object>([...command, '--yes-i-mean', 'weekly', '--drain', '200ms'])
  expect(done).toMatchObject({
    steps: [
      { sourceId: SOURCE, outcome: 'done', swapped: true },
      { sourceId: 'app', outcome: 'done', swapped: true },
    ],
    notDone: [],
  })
  expect(await at.visits()).toBe(100)
  expect(['main.js', 'settings.json'].map((name) => readFileSync(join(code, name), 'utf8'))).toEqual(['works', '{}'])

  await at.lose()
  // Given again it goes on, and there is nothing left to be done.
  const same = { notDone: [], steps: [{ earlier: true }, { earlier: true }] }
  expect([await world.json([...command, '--yes-i-mean', 'weekly']), await at.visits()]).toMatchObject([same, 0])
  const again = [...command, '--yes-i-mean', 'weekly', '--again']
  const stopped = await world.cli([...again, '--stop-hook', `${SOURCE}=fail-app`, '--json'])
  expect([stopped.code, JSON.parse(stopped.stdout)]).toEqual([7, expect.objectContaining({ notDone: [SOURCE, 'app'] })])
  expect(await at.visits()).toBe(0)
  const one = await world.json([...command, '--yes-i-mean', 'weekly', '--source', SOURCE])
  expect([one, await at.visits()]).toMatchObject([{ notDone: [] }, 100])
})

test('a command line that is killed between two sources leaves the first to its agent and the second alone; given again it goes on and does nothing twice', async () => {
  const { world, identityFile } = at
  const point = await takeSet()
  await at.lose()
  writeFileSync(join(code, 'main.js'), 'broken')
  const keyed = [
    '--identity',
    identityFile,
    '--key',
    at.keyFile('ann'),
    '--why',
    'release 4.3',
    '--yes-i-mean',
    'weekly',
  ]
  const command = ['restore', 'set', point, ...keyed, '--drain', '200ms', '--stop-hook', `${SOURCE}=slow-app`]
  const killed = await world.cli(command, {
    onStderr: (text, kill) => {
      if (/^sent /m.test(text)) kill()
    },
  })
  expect(killed.code).toBeNull()
  const plan = async () => (await world.cli([...command.slice(0, 5), '--plan-only'])).stdout
  // It was sent; its agent takes it up by and by.
  const told = await until(plan, (text) => text.includes('is at it still'))
  const written = await world.cli([...command.slice(0, -4), '--out', join(code, '..', 'rest.json')])
  expect([written.code, written.stderr]).toEqual([2, expect.stringMatching(/an earlier run is still at .*records/)])
  expect(told).toMatch(/records, database: \S+ of .* is at it still[\s\S]*1\. app, files/)

  writeFileSync(join(world.folder, 'let-go'), '')
  const done = await world.json<{ steps: { restoreId: string }[] }>(command)
  const [first, second] = [{ sourceId: SOURCE, earlier: true }, { sourceId: 'app' }]
  expect(done).toMatchObject({
    steps: [
      { ...first, outcome: 'done' },
      { ...second, outcome: 'done' },
    ],
    notDone: [],
  })
  expect([await at.visits(), readFileSync(join(code, 'main.js'), 'utf8')]).toEqual([100, 'works'])
  const audited = await world.json<RestoreAudited[]>(['restore', 'status'])
  const own = audited.filter(({ event, why }) => event === 'accepted' && why === 'release 4.3')
  expect(own.map(({ sourceId }) => sourceId)).toEqual([SOURCE, 'app'])
  const accepted = audited.findIndex(({ restoreId }) => restoreId === done.steps[1]?.restoreId)
  const swapped = audited.findIndex(
    ({ restoreId, event }) => restoreId === done.steps[0]?.restoreId && event === 'done',
  )
  expect(swapped).toBeLessThan(accepted)
})

test('where two operators have to sign nothing is begun by one of them, and what both have signed is sent source by source', async () => {
  const { world, identityFile } = at
  const point = await takeSet()
  const before = await world.json<object[]>(['restore', 'status'])
  await world.reconfigure((config) => {
    Object.assign((config.agents[AGENT] as { restore: object }).restore, { signatures: 2 })
  })
  await world.restart('backup-agent')
  await at.lose()
  writeFileSync(join(code, 'main.js'), 'broken')
  const mean = ['--yes-i-mean', 'weekly']
  const keyed = ['--identity', identityFile, '--key', at.keyFile('ann'), '--why', 'both', ...mean]
  const command = ['restore', 'set', point, ...keyed]
  const { code: exit, stderr } = await world.cli(command)
  expect([exit, stderr]).toEqual([2, expect.stringMatching(/write the command down with --out FILE/)])
  const file = join(code, '..', 'set.json')
  expect(await world.json([...command, '--out', file])).toMatchObject({ point, file })
  expect(await world.json(['restore', 'status'])).toHaveLength(before.length)

  const alone = await world.cli(['restore', 'send', file, '--json'])
  const refused = { outcome: 'refused', error: { code: 'RESTORE_SIGNATURES_MISSING' } }
  expect([alone.code, JSON.parse(alone.stdout)]).toMatchObject([7, { steps: [refused], notDone: [SOURCE, 'app'] }])
  expect(await at.visits()).toBe(0)

  const sign = ['restore', 'sign', file, '--key', at.keyFile('ben')]
  expect(await world.cli([...sign, '--yes-i-mean', SOURCE])).toMatchObject({ code: 2 })
  const signers = ['ann', 'ben']
  expect(await world.json([...sign, ...mean])).toMatchObject({ point, orders: [{ signers }, { signers }] })
  const sent = await world.json<object>(['restore', 'send', file])
  const done = { outcome: 'done', swapped: true }
  expect(sent).toMatchObject({
    steps: [
      { sourceId: SOURCE, ...done },
      { sourceId: 'app', ...done },
    ],
    notDone: [],
  })
  expect([await at.visits(), readFileSync(join(code, 'main.js'), 'utf8')]).toEqual([100, 'works'])
  // Sent again it tells what came of it, and does nothing twice.
  await at.lose()
  expect(await world.json(['restore', 'send', file])).toMatchObject({
    steps: [
      { earlier: true, ...done },
      { earlier: true, ...done },
    ],
  })
  expect(await at.visits()).toBe(0)

  // Refused once for too few signatures: sent again with enough of them it tells what becomes of that, also while its agent is away.
  const single = join(code, '..', 'revert.json')
  const byAnn = ['--key', at.keyFile('ann'), '--why', 'both', '--yes-i-mean', SOURCE]
  await world.json(['restore', 'revert', SOURCE, ...byAnn, '--out', single])
  const early = await world.cli(['restore', 'send', single, '--json'])
  expect([early.code, JSON.parse(early.stdout)]).toMatchObject([7, refused])
  await world.json(['restore', 'sign', single, '--key', at.keyFile('ben'), '--yes-i-mean', SOURCE])
  await world.kill('backup-agent', 'SIGTERM')
  for (const _ of ['first', 'again']) {
    const waiting = await world.cli(['restore', 'send', single, '--timeout', '1s', '--json'])
    expect(JSON.parse(waiting.stdout)).toMatchObject({ outcome: 'timeout' })
  }
  await world.start('backup-agent')
  const reverted = await world.json<object>(['restore', 'send', single])
  expect(reverted).toMatchObject({ outcome: 'done' })
  expect(await world.json(['restore', 'send', single])).toEqual(reverted)
})

/** Backs up the whole set. @returns its recovery point */
async function takeSet(): Promise<string> {
  await backUp(at.world, ['weekly'], 'proven')
  const { sets } = await at.world.json<{ sets: RecoveryPoint[] }>(['backup', 'list'])
  return sets[0]?.point as string
}

function codeOf(config: WorldConfig): string {
  return join(config.agents[AGENT]?.spool.path ?? '', '..', 'app')
}

function withSet(config: WorldConfig): void {
  const daily = config.policies[POLICY]
  if (daily === undefined) throw new Error('the world has no policy to copy')
  const root = codeOf(config)
  mkdirSync(root)
  writeFileSync(join(root, 'main.js'), 'works')
  writeFileSync(join(root, 'settings.json'), '{}')
  config.sources.app = { kind: 'files', agent: AGENT, root }
  config.policies.weekly = {
    ...{ kind: 'set', schedule: { cron: '0 4 1 1 *' }, targets: daily.targets, copies: daily.copies },
    members: {
      app: { sources: ['app'], kind: 'files' },
      results: { sources: [SOURCE], kind: 'tables', tables: { list: ['validation_results'] } },
      database: { policy: POLICY },
    },
  } as never
}
