import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { RecoveryPoint } from '@lifeboat/catalog/sets.ts'
import { AGENT, POLICY, SOURCE, type WorldConfig } from '@lifeboat/testkit/world/config.ts'
import { expect, test } from 'vitest'
import { openRestoreWorld } from './support/restore-world.ts'

test('everything of one recovery point comes back on one confirmation, and what fails ends it and says how to go on', async () => {
  await using at = await openRestoreWorld({ configure: withSet })
  const { world, identityFile, hooked } = at
  const code = codeOf(world.config as WorldConfig)
  await world.json(['backup', 'now', 'weekly', '--wait', 'proven'])
  const { sets } = await world.json<{ sets: RecoveryPoint[] }>(['backup', 'list'])
  const point = sets[0]?.point as string
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
  const stopped = await world.cli([...command, '--yes-i-mean', 'weekly', '--stop-hook', `${SOURCE}=fail-app`, '--json'])
  expect([stopped.code, JSON.parse(stopped.stdout)]).toEqual([7, expect.objectContaining({ notDone: [SOURCE, 'app'] })])
  expect(await at.visits()).toBe(0)
  const one = await world.json([...command, '--yes-i-mean', 'weekly', '--source', SOURCE])
  expect([one, await at.visits()]).toMatchObject([{ notDone: [] }, 100])
})

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
