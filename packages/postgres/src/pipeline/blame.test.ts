import { expect, test } from 'vitest'
import type { StageReceipt } from '../tools/stage.ts'
import { culpritOf } from './blame.ts'

const ended = (tool: string, how: Partial<StageReceipt> = { exitCode: 0 }): StageReceipt => ({
  tool,
  stderr: '',
  durationMs: 1,
  ...how,
})
const brokenPipe = { signal: 'SIGPIPE' }

test('nobody is to blame when every program exited 0', () => {
  expect(culpritOf([ended('pg_dump'), ended('zstd'), ended('age')])).toBeUndefined()
})

test('a failing producer is to blame although the programs after it were content', () => {
  expect(culpritOf([ended('pg_dump', { exitCode: 1 }), ended('zstd'), ended('age')])?.tool).toBe('pg_dump')
})

test('a producer whose input ended early is not to blame', () => {
  expect(
    culpritOf([ended('age', { exitCode: 1 }), ended('zstd', { exitCode: 1 }), ended('pg_restore', { exitCode: 1 })])
      ?.tool,
  ).toBe('age')
})

test('a program that hung up on its writers is to blame, not the writers', () => {
  expect(
    culpritOf([ended('pg_dump', brokenPipe), ended('zstd', brokenPipe), ended('age', { exitCode: 1 })])?.tool,
  ).toBe('age')
  expect(
    culpritOf([ended('pg_dump', { exitCode: 141 }), ended('zstd', { signal: 'SIGKILL' }), ended('age')])?.tool,
  ).toBe('zstd')
})
