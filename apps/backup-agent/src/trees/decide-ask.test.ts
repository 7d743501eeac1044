import { expect, test } from 'vitest'
import { shouldAsk } from './decide-ask.ts'

test.each([
  ['nothing changed since the backup', { taken: 'a', before: 'a', now: 'a', asked: undefined }, false],
  ['it changed just now', { taken: 'a', before: 'a', now: 'b', asked: undefined }, false],
  ['it goes on changing', { taken: 'a', before: 'b', now: 'c', asked: undefined }, false],
  ['it changed and came to rest', { taken: 'a', before: 'b', now: 'b', asked: undefined }, true],
  ['a run was asked for already', { taken: 'a', before: 'b', now: 'b', asked: 'b' }, false],
  ['it changed again after that', { taken: 'a', before: 'c', now: 'c', asked: 'b' }, true],
  ['it changed back', { taken: 'a', before: 'a', now: 'a', asked: 'b' }, false],
  ['there is no backup yet', { taken: undefined, before: 'a', now: 'a', asked: undefined }, true],
])('%s', (_title, look, asks) => {
  expect(shouldAsk(look)).toBe(asks)
})
