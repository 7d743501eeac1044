import { expect, test } from 'vitest'
import { extentText } from './tables-text.ts'

test('how much of a backup was extracted for some tables is said, and why where it was all of it', () => {
  expect(extentText({ bytes: 61e6, ofBytes: 4.2e9 })).toBe(
    'Of the backup 61.0 MB were extracted, the rest of 4.2 GB was not needed.',
  )
  const whole = 'the backup has no list of relations'
  expect(extentText({ bytes: 4.2e9, ofBytes: 4.2e9, whole })).toBe(
    'All of the backup was extracted, 4.2 GB: the backup has no list of relations.',
  )
})
