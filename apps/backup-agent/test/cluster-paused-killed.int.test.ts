import { expect, test } from 'vitest'
import { type ClusterHouse, HOOKS, openClusterHouse, VISITS } from './cluster-house.ts'
import { killedAt, phase } from './killed-cluster.ts'

const ALL = '1 2 3 4'
/** What production answers: undefined while it does not run. */
const production = (house: ClusterHouse) => house.visits().catch(() => undefined)

const PAUSED = { place: 'in place', pause: true }
const INTO_PLACE = { action: 'promote', place: 'in place', hooks: HOOKS }

test.concurrent.each([
  ['extracting', phase('extract')],
  ['starting it', phase('start')],
])(
  'an agent killed while %s recovers the cluster that is to be looked at first after its restart, and production goes on',
  async (_, words) => {
    await using house = await openClusterHouse()
    await using killed = await killedAt(house, { command: PAUSED, words })
    expect(killed.ending).toMatchObject({ outcome: 'done', swapped: false, cluster: { state: 'paused' } })
    expect([await house.beside(VISITS), await house.visits()]).toEqual(['1 2', ALL])
    await killed.release()
    expect(await house.besides()).toEqual([])
  },
  600_000,
)

test.concurrent.each([
  ['looking for a way', phase('look'), [ALL]],
  ['replaying', phase('replay'), [ALL]],
  ['stopping the server', phase('stop hook'), [ALL, undefined]],
  ['swapping', phase('swap'), [undefined]],
  ['starting the server', phase('start hook'), [undefined, '1 2']],
])(
  'an agent killed while %s leaves the server as before or complete, and after its restart the cluster that waited is in place',
  async (_, words, allowed) => {
    await using house = await openClusterHouse()
    const meanwhile = async () => expect(allowed).toContain(await production(house))
    await using killed = await killedAt(house, { before: PAUSED, command: INTO_PLACE, words, meanwhile })
    expect(killed.ending).toMatchObject({ outcome: 'done', swapped: true, cluster: { state: 'promoted' } })
    expect([await house.visits(), await house.besides()]).toEqual(['1 2', [expect.stringMatching(/_before_/)]])
  },
  600_000,
)
