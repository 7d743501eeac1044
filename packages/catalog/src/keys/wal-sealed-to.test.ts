import { expect, test } from 'vitest'
import { walSealedToWith } from './wal-sealed-to.ts'

const place = (lsn: string) => ({ lsn, at: '2026-11-29T12:00:00.000Z' })
const look = (record: object, lsn: string, recipients?: string[]) =>
  walSealedToWith(
    { since: place('0/1000000'), ...record } as never,
    { safe: place(lsn), receivedLsn: '0/6000000', recipients } as never,
    '0/2000000' as never,
  )

test('the first look begins a stretch, and later ones let it grow', () => {
  const first = look({}, '0/3000000', ['b', 'a'])
  expect(first).toEqual([{ recipients: ['a', 'b'], from: '0/2000000', to: '0/3000000' }])
  expect(look({ sealedTo: first }, '0/4000000', ['a', 'b'])).toEqual([
    { recipients: ['a', 'b'], from: '0/2000000', to: '0/4000000' },
  ])
})

test('after a rotation what came between two looks, or was in the spool, counts for both keys', () => {
  const sealedTo = [{ recipients: ['a'], from: '0/1000000', to: '0/2000000' }]
  expect(look({ sealedTo }, '0/5000000', ['b'])).toEqual([
    { recipients: ['a'], from: '0/1000000', to: '0/6000000' },
    { recipients: ['b'], from: '0/2000000', to: '0/5000000' },
  ])
})

test('a stretch that was let go is forgotten, and an agent that does not tell changes nothing', () => {
  const sealedTo = [
    { recipients: ['a'], from: '0/100', to: '0/1000000' },
    { recipients: ['b'], from: '0/1000000', to: '0/2000000' },
  ]
  expect(look({ sealedTo }, '0/3000000')).toEqual(sealedTo.slice(1))
})
