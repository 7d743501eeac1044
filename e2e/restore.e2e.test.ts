import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { SOURCE } from '@lifeboat/testkit/world/config.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { logged } from './support/backups.ts'
import { openRestoreWorld, type RestoreWorld } from './support/restore-world.ts'

let at: RestoreWorld
beforeAll(async () => {
  at = await openRestoreWorld()
})
afterAll(() => at?.[Symbol.asyncDispose]())

test('lost rows come back on a signed command, what was there is kept, and it can be undone and let go', async () => {
  const { world, backupId, hooked, byAnn } = at
  await at.lose()
  const plan = await world.cli(['restore', 'plan', SOURCE, ...hooked])
  expect([plan.code, plan.stdout]).toEqual([0, expect.stringContaining(backupId)])
  for (const told of ['proven', 'in its drill', 'stop hook', 'is not in it', 'free at'])
    expect(plan.stdout).toContain(told)
  const planned = await world.json<{ backup: { backupId: string }; hooks: object[] }>([
    'restore',
    'plan',
    SOURCE,
    ...hooked,
  ])
  expect(planned).toMatchObject({ backup: { backupId }, hooks: ['stop', 'start', 'ready'].map((on) => ({ on })) })
  expect(await at.visits()).toBe(0)

  const mistyped = await at.run(['--yes-i-mean', 'recrods'])
  expect([mistyped.code, await at.visits()]).toEqual([2, 0])
  const { code, stdout, stderr } = await at.run(hooked)
  expect([code, stderr]).toEqual([0, ''])
  const { restoreId, ...done } = JSON.parse(stdout)
  expect(done).toMatchObject({ outcome: 'done', swapped: true, aside: expect.stringMatching(/_before_/) })
  expect(done.plan).toMatchObject({ backup: { backupId }, hooks: planned.hooks })
  expect(await at.visits()).toBe(100)
  const told = await world.json<object[]>(['restore', 'status', restoreId])
  expect(told.toReversed().map((each) => each as { event: string; why: string; who: string[] })).toMatchObject(
    ['done', 'swapped', 'accepted'].map((event) => ({ event, who: ['ann'], why: 'rows are gone', backupId })),
  )
  const late = await world.cli(['restore', 'cancel', restoreId])
  expect([late.code, late.stderr]).toEqual([7, expect.stringContaining('RESTORE_ENDED')])

  expect(await world.json(['restore', 'revert', SOURCE, ...byAnn, ...hooked])).toMatchObject({ outcome: 'done' })
  expect(await at.visits()).toBe(0)
  expect(await world.json(['restore', 'release', SOURCE, ...byAnn])).toMatchObject({ dropped: [expect.any(String)] })
})

test('two operators sign one command that was written down, and the second sends it', async () => {
  const { world } = at
  await at.lose()
  const file = join(world.folder, 'order.json')
  const written = await at.run(['--out', file])
  expect([written.code, written.stderr, await at.visits()]).toEqual([0, '', 0])
  expect(await readFile(file, 'utf8')).not.toContain('AGE-SECRET-KEY')
  const signed = await world.json(['restore', 'sign', file, '--key', at.keyFile('ben'), '--yes-i-mean', SOURCE])
  expect(signed).toMatchObject({ signers: ['ann', 'ben'] })
  expect(await world.json(['restore', 'send', file])).toMatchObject({ outcome: 'done' })
  expect(await at.visits()).toBe(100)
  const keys = await world.json<object[]>(['operator', 'key', 'list', '--keys', join(world.folder, 'operators')])
  expect(keys).toMatchObject([{ name: 'ann', privateHalf: 'file mode only' }, { name: 'ben' }])
})

test('a database that is gone comes back under its name, with what its roles may do', async () => {
  const { world } = at
  const { postgres, database, user } = world.source
  await postgres.query('postgres', `drop database "${database}" with (force)`)
  const plan = await world.cli(['restore', 'plan', SOURCE])
  expect([plan.code, plan.stdout]).toEqual([0, expect.stringContaining('proven')])
  const { code, stdout, stderr } = await at.run()
  expect([code, stderr, JSON.parse(stdout)]).toMatchObject([0, '', { outcome: 'done', swapped: true }])
  expect(await at.visits()).toBe(100)
  const may = `select has_table_privilege('${user}', 'visit', 'select') as read`
  expect(await postgres.query(database, may)).toEqual([{ read: true }])
})

test('a restore that is cancelled before its agent begins is never begun, and the audit says who wanted that and why', async () => {
  const { world } = at
  await at.lose()
  const file = join(world.folder, 'cancelled.json')
  const { restoreId } = JSON.parse((await at.run(['--out', file])).stdout)
  await world.kill('backup-agent', 'SIGTERM')
  expect((await world.cli(['restore', 'send', file, '--timeout', '1s'])).code).toBe(9)
  const told = await world.json(['restore', 'cancel', restoreId, '--why', 'the wrong backup'])
  expect(told).toEqual({ restoreId, state: 'unheard' })
  await world.start('backup-agent')
  const said = { cancelledBy: expect.stringMatching(/^operator \w/), cancelReason: 'the wrong backup' }
  const { code, stdout } = await world.cli(['restore', 'send', file, '--json'])
  expect([code, JSON.parse(stdout)]).toMatchObject([7, { restoreId, outcome: 'cancelled', swapped: false, ...said }])
  expect(await at.visits()).toBe(0)
  const audited = await world.json<object[]>(['restore', 'status', restoreId])
  expect(audited).toMatchObject([{ event: 'accepted' }, { event: 'cancelled', who: ['ann'], ...said }])
})

test('a restore goes on although NATS and the scheduler are killed while it waits for an uploader that is away', async () => {
  const { world } = at
  await at.lose()
  const file = join(world.folder, 'patient.json')
  await at.run(['--out', file])
  await world.kill('uploader', 'SIGKILL')
  expect((await world.cli(['restore', 'send', file, '--timeout', '1s'])).code).toBe(9)
  await logged(world, 'backup-agent', 'restore.waiting')
  await world.nats.restart({ signal: 'SIGKILL' })
  await world.restart('scheduler', 'SIGKILL')
  await world.start('uploader')
  const { code, stdout } = await world.cli(['restore', 'send', file, '--json'])
  expect([code, JSON.parse(stdout)]).toMatchObject([0, { outcome: 'done', swapped: true }])
  expect(await at.visits()).toBe(100)
})
