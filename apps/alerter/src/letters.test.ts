import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { expect, it } from 'vitest'
import { at } from '../test/builders.ts'
import { countLetter, letterId } from './letters.ts'

const letter = {
  subject: 'lifeboat.wish.backup.requested.v1.db1',
  error: new LifeboatError('BUS_BAD_MESSAGE', { problems: ['runId: missing'] }).toReport(),
  excerpt: 'x'.repeat(2000),
  deliveries: 1,
  consumer: 'agent-db1',
}

it('dead letters of one kind are counted together, with the first and the last moment', () => {
  const one = countLetter(undefined, letter, at('26T02:00'))
  const two = countLetter(one, letter, at('26T03:00'))
  expect(two).toMatchObject({ count: 2, firstAt: '2026-09-26T02:00:00.000Z', lastAt: '2026-09-26T03:00:00.000Z' })
  expect(two.excerpt.length).toBeLessThan(400)
})

it('another error, consumer or subject is another kind', () => {
  const others = [
    { ...letter, subject: 'lifeboat.wish.drill.requested.v1.all' },
    { ...letter, consumer: 'verifier' },
    { ...letter, error: new LifeboatError('SOURCE_UNKNOWN').toReport() },
  ]
  expect(new Set([letter, ...others].map(letterId)).size).toBe(4)
})
