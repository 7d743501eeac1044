import { expect, test } from 'vitest'
import { type ClusterArgs, clusterWishOf } from './cluster-wish.ts'

function said(args: ClusterArgs): unknown {
  try {
    return clusterWishOf(args)
  } catch (thrown) {
    return (thrown as { facts: { problem: string } }).facts.problem
  }
}

const goal = { to: 'latest' }

test.each<[string, ClusterArgs, unknown]>([
  ['nothing about a cluster', {}, undefined],
  ['beside', { beside: true, port: '5433' }, { place: 'beside', goal, port: 5433 }],
  ['in place', { inPlace: true }, { place: 'in place', goal }],
  [
    'in place, with a look first',
    { inPlace: true, pause: true, port: '5433', until: 'end' },
    { place: 'in place', pause: true, goal: { to: 'end of backup' }, port: 5433 },
  ],
  ['a look first without a port', { inPlace: true, pause: true }, expect.stringContaining('name the port')],
  ['a port in place', { inPlace: true, port: '5433' }, expect.stringContaining('keeps its own port')],
  [
    'a look first of what is beside',
    { beside: true, pause: true, port: '5433' },
    expect.stringContaining('--pause is'),
  ],
  ['a look first at a database', { pause: true }, expect.stringContaining('--pause is')],
  ['beside without a port', { beside: true }, expect.stringContaining('name the port')],
  ['both places', { beside: true, inPlace: true }, expect.stringContaining('give one of them')],
  ['a moment of a database', { until: 'latest' }, expect.stringContaining('takes the whole cluster')],
])('%s', (_, args, expected) => {
  expect(said(args)).toEqual(expected)
})
