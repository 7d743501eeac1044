import { expect, it } from 'vitest'
import { readOptions } from './options.ts'

it('takes the options out from wherever they stand', () => {
  const read = { name: 'physical', on: '17', write: true, args: ['1GB', '3'] }
  expect(readOptions(['--on', '17', 'physical', '--write', '1GB', '3'])).toEqual(read)
  expect(readOptions(['physical', '1GB', '3', '--write', '--on', '17'])).toEqual(read)
})

it('runs on the newest of this machine when no major is asked for, and on none when one is forgotten', () => {
  expect(readOptions(['wal'])).toEqual({ name: 'wal', on: undefined, write: false, args: [] })
  expect(readOptions(['wal', '--on']).on).toBe('')
  expect(readOptions([]).name).toBe('')
})
