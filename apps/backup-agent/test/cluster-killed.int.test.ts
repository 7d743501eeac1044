import { execFileSync } from 'node:child_process'
import { mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { serverAccount } from '@lifeboat/postgres/scratch/owner.ts'
import { isThere } from '@lifeboat/recovery/swap/swap-places.ts'
import { eventually } from '@lifeboat/testkit/eventually.ts'
import { expect, test } from 'vitest'
import { type ClusterHouse, HOOKS, openClusterHouse, VISITS } from './cluster-house.ts'
import { type Killed, killedAt, phase, stage } from './killed-cluster.ts'

const ALL = '1 2 3 4'
/** What production answers: undefined while it does not run. */
const production = (house: ClusterHouse) => house.visits().catch(() => undefined)
const beside = (house: ClusterHouse) => house.beside(VISITS).catch(() => undefined)

const IN_PLACE = { place: 'in place', port: undefined, hooks: HOOKS }
const REVERT = { action: 'revert', hooks: HOOKS }

test.concurrent.each([
  ['looking for a way', phase('look'), [ALL]],
  ['extracting', phase('extract'), [ALL]],
  ['replaying', phase('replay'), [ALL]],
  ['stopping the server', phase('stop hook'), [ALL, undefined]],
  ['swapping', phase('swap'), [undefined]],
  ['starting the server', phase('start hook'), [undefined, '1 2']],
])(
  'an agent killed while %s leaves the server as before or complete, and after its restart the cluster is in place',
  async (_, words, allowed) => {
    await using house = await openClusterHouse()
    await using killed = await killedAt(house, {
      command: IN_PLACE,
      words,
      meanwhile: async () => expect(allowed).toContain(await production(house)),
    })
    expect(killed.ending).toMatchObject({ outcome: 'done', swapped: true, cluster: { state: 'promoted' } })
    expect([await house.visits(), await house.besides()]).toEqual(['1 2', [expect.stringMatching(/_before_/)]])
  },
  600_000,
)

test.concurrent.each([
  ['giving it a timeline', phase('timeline'), ['1 2']],
  ['stopping the server', phase('stop hook'), ['1 2', undefined]],
  ['swapping', phase('swap'), [undefined]],
  ['starting the server', phase('start hook'), [undefined, ALL]],
  ['looking at the server', phase('look again'), [ALL]],
])(
  'an agent killed while %s puts the cluster that was there back after its restart, and until then one of the two is whole in its place',
  async (_, words, allowed) => {
    await using house = await openClusterHouse()
    const meanwhile = async () => expect(allowed).toContain(await production(house))
    await using killed = await killedAt(house, { before: IN_PLACE, command: REVERT, words, meanwhile })
    expect(killed.ending).toMatchObject({ outcome: 'done', swapped: true })
    expect([await house.visits(), await house.besides()]).toEqual([ALL, [expect.stringMatching(/_reverted_/)]])
  },
  600_000,
)

test.concurrent.each([
  ['a restore', { command: IN_PLACE }, '1 2', /_before_/],
  ['a revert', { before: IN_PLACE, command: REVERT }, ALL, /_reverted_/],
])(
  'between the two renames of %s there is no cluster in the place: what was begun is finished, also when it was cancelled meanwhile',
  async (_, about, answer, aside) => {
    await using house = await openClusterHouse()
    const meanwhile = async ({ restoreId, entry }: Parameters<NonNullable<Killed['meanwhile']>>[0]) => {
      const { dataDirectory: place } = house
      if (!(await isThere(entry.aside))) await rename(place, entry.aside)
      else if (await isThere(place)) await rename(place, entry.back ?? apartOf(house, restoreId))
      await house.at.cancel(restoreId)
    }
    await using killed = await killedAt(house, { ...about, words: phase('swap'), meanwhile })
    expect(killed.ending).toMatchObject({ swapped: true })
    expect([await house.visits(), await house.besides()]).toEqual([answer, [expect.stringMatching(aside)]])
  },
  600_000,
)

/** Where a restore recovers what is to be in the place. */
function apartOf({ dataDirectory }: ClusterHouse, restoreId: string): string {
  return join(`${dataDirectory}_restoring_${restoreId.slice(-6)}`, 'data')
}

test.concurrent.each([['swap'], ['look again']])(
  'a data directory that is lost gives way to what was put aside, on a timeline newer than its own, also when the agent is killed at “%s”',
  async (name) => {
    await using house = await openClusterHouse()
    const { dataDirectory: place } = house
    const older = `${place}_before_20260101t000000z`
    const lose = async () => {
      // By now it is one that a hook has started.
      const { uid, gid } = serverAccount()
      const stop = ['-D', place, '-m', 'immediate', '-w', 'stop']
      execFileSync(join(house.at.house.pg.binDir, 'pg_ctl'), stop, { uid, gid, cwd: '/' })
      await rename(place, `${place}-lost`)
      await mkdir(older)
    }
    await using killed = await killedAt(house, { before: IN_PLACE, lose, command: REVERT, words: phase(name) })
    expect(killed.ending).toMatchObject({ outcome: 'done', swapped: true })
    expect(killed.ending?.aside).toBeUndefined()
    expect([await house.visits(), await isThere(older)]).toEqual([ALL, true])
    const [{ timeline }] = await house.at.house.pg.query(
      'records',
      'select timeline_id as timeline from pg_control_checkpoint()',
    )
    // What was put aside had 1, what is lost 2.
    expect(timeline).toBeGreaterThan(2)
  },
  600_000,
)

test.concurrent.each([
  ['extracting', phase('extract')],
  ['replaying', phase('replay')],
  ['starting it', phase('start')],
])(
  'an agent killed while %s beside makes it whole after its restart',
  async (_, words) => {
    await using house = await openClusterHouse()
    await using killed = await killedAt(house, { command: {}, words })
    expect(killed.ending).toMatchObject({ outcome: 'done', cluster: { state: 'paused' } })
    expect([await beside(house), await house.visits()]).toEqual(['1 2', ALL])
    await killed.release()
  },
  600_000,
)

const MOVE = { action: 'move', goal: { to: 'name', name: 'later' } }
const PROMOTE = { action: 'promote' }
const further = ['look', 'replay', 'start'] as const

test.concurrent.each(further)(
  'an agent killed at “%s” while a cluster beside is moved on moves it on after its restart, and never shows anything between',
  async (name) => {
    await using house = await openClusterHouse()
    const meanwhile = async () => expect([undefined, '1 2', '1 2 3']).toContain(await beside(house))
    await using killed = await killedAt(house, { before: {}, command: MOVE, words: phase(name), meanwhile })
    expect(killed.ending).toMatchObject({ outcome: 'done', swapped: false, cluster: { state: 'paused' } })
    expect([await beside(house), await house.visits()]).toEqual(['1 2 3', ALL])
    await killed.release()
  },
  600_000,
)

test.concurrent.each(['book', 'note'])(
  'an agent killed as a move is to be written into the %s moves the cluster beside after its restart',
  async (where) => {
    await using house = await openClusterHouse()
    const pipeOf = ({ restoreId, agentId }: { restoreId: string; agentId: string }) =>
      where === 'book'
        ? join(house.at.house.folder, agentId, 'restores', `${restoreId}.json.partial`)
        : join(house.clusters, 'records', 'lifeboat.json.partial')
    let pipe = ''
    // Whoever opens it to write waits until somebody reads.
    const hung = async (order: { restoreId: string; agentId: string }) => {
      pipe = pipeOf(order)
      // While something of that name is being written there is no place for it.
      await eventually(() => execFileSync('mkfifo', [pipe], { stdio: 'pipe' }))
      await sleep(5000)
    }
    const meanwhile = () => rm(pipe)
    await using killed = await killedAt(house, { before: {}, command: MOVE, words: phase('look'), hung, meanwhile })
    expect(killed.ending).toMatchObject({ outcome: 'done', cluster: { state: 'paused' } })
    expect([await beside(house), await house.visits()]).toEqual(['1 2 3', ALL])
    await killed.release()
  },
  600_000,
)

test.concurrent.each(further)(
  'an agent killed at “%s” while a cluster beside is promoted promotes it after its restart, with what it had and nothing more',
  async (name) => {
    await using house = await openClusterHouse()
    const meanwhile = async () => expect([undefined, '1 2']).toContain(await beside(house))
    await using killed = await killedAt(house, { before: {}, command: PROMOTE, words: phase(name), meanwhile })
    expect(killed.ending).toMatchObject({ outcome: 'done', swapped: false, cluster: { state: 'promoted' } })
    expect(await house.beside(`insert into visit values (9) returning 'written' as answer`)).toBe('written')
    expect([await beside(house), await house.visits()]).toEqual(['1 2 9', ALL])
    await killed.release()
  },
  600_000,
)

test.concurrent('an agent killed while it removes a cluster beside removes the rest after its restart', async () => {
  await using house = await openClusterHouse()
  const command = { action: 'release', place: 'beside' }
  await using killed = await killedAt(house, { before: {}, command, words: stage('ready') })
  expect(killed.ending).toMatchObject({ outcome: 'done', swapped: false })
  expect(await isThere(join(house.clusters, 'records'))).toBe(false)
  expect([await beside(house), await house.visits()]).toEqual([undefined, ALL])
}, 600_000)

test.concurrent('an agent killed while it removes what was put aside removes the rest after its restart, and nothing else', async () => {
  await using house = await openClusterHouse()
  const command = { action: 'release', place: 'in place' }
  await using killed = await killedAt(house, { before: IN_PLACE, command, words: stage('ready') })
  expect(killed.ending).toMatchObject({ outcome: 'done', swapped: false })
  expect([await house.visits(), await house.besides()]).toEqual(['1 2', []])
}, 600_000)

test.concurrent('a command that can never be gone on with behind its swap is settled as one that has swapped', async () => {
  await using house = await openClusterHouse()
  const command = { ...IN_PLACE, hooks: { ...HOOKS, ready: 'good' } }
  // Its next life is not told any more where the cluster lies.
  const meanwhile = async () => void delete house.login.dataDirectory
  await using killed = await killedAt(house, { command, words: phase('ready hook'), meanwhile })
  expect(killed.ending).toMatchObject({
    ...{ outcome: 'failed', swapped: true, aside: expect.stringMatching(/_before_/) },
    error: { code: 'RESTORE_NOT_SET_UP' },
  })
  expect(await house.visits()).toBe('1 2')
}, 600_000)
