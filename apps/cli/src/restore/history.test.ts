import type { RestoreAudited } from '@lifeboat/shared/bus/messages/restore.ts'
import { expect, test } from 'vitest'
import { endOf } from './history.ts'

test.each<[string, RestoreAudited['event'][], RestoreAudited['event'] | undefined]>([
  ['one nobody told of yet', [], undefined],
  ['one that was accepted', ['accepted'], undefined],
  ['one whose difference was told before anything is changed', ['accepted', 'compared'], undefined],
  ['one that was sent once more while it is obeyed', ['accepted', 'refused'], undefined],
  ['one that was refused', ['refused'], 'refused'],
  ['one that swapped', ['accepted', 'compared', 'swapped'], 'swapped'],
  ['one that is over', ['accepted', 'failed'], 'failed'],
])('%s', (_, events, expected) => {
  expect(endOf(events.map((event) => ({ event })))?.event).toBe(expected)
})
