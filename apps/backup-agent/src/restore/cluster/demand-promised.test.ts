import type { Lsn, WalReach } from '@lifeboat/shared/domain/wal.ts'
import { expect, test } from 'vitest'
import { demandPromised } from './demand-promised.ts'

const reach = (timeline: number, end: string): WalReach => ({ timeline, end: end as Lsn })
const PROMISED = reach(2, '16/B3000000')
const copy = { target: { id: 'north' }, passedOver: [] }

test.each<[string, WalReach | undefined]>([
  ['as far', PROMISED],
  ['further', reach(2, '100/0')],
  ['on a newer timeline', reach(3, '0/3000000')],
])('a way that leads %s than what was signed is taken', (_, found) => {
  expect(() => demandPromised(PROMISED, found, copy)).not.toThrow()
})

test.each<[string, WalReach | undefined, string]>([
  ['less far', reach(2, '16/B2FFFFFF'), '16/B2FFFFFF on timeline 2'],
  ['further, on an older timeline', reach(1, '100/0'), '100/0 on timeline 1'],
  ['nowhere behind the backup', undefined, 'nothing behind the backup'],
])('a way that leads %s is refused, and says how far it leads', (_, found, reached) => {
  const facts = { signed: '16/B3000000 on timeline 2', reached, targetId: 'north' }
  const error = expect.objectContaining({ code: 'RESTORE_LOSES_MORE', facts: expect.objectContaining(facts) })
  expect(() => demandPromised(PROMISED, found, copy)).toThrow(error)
})

test('where nothing was promised any way will do', () => {
  expect(() => demandPromised(undefined, undefined, copy)).not.toThrow()
})
