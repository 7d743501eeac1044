import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import type { Progress } from '@lifeboat/shared/run/run.ts'
import { expect, test } from 'vitest'
import { awaitUploader } from './await-uploader.ts'

const silence = new LifeboatError('TARGET_UNREACHABLE', { silent: ['http://up'] })
const told: Progress[] = []
const run = { log: silentLogger, report: (progress: Progress) => void told.push(progress) }

test('an uploader that gives no answer is waited for until its time is up, and the progress tells it', () => {
  expect(awaitUploader(run).goesOn(silence)).toBe(true)
  expect(told).toEqual([{ phase: 'wait for an uploader', done: 0, unit: 'checks' }])
  expect(awaitUploader(run, 0).goesOn(silence)).toBe(false)
})

test('a target that an uploader says is away is not waited for: another one may help', () => {
  for (const facts of [{ status: 502, answer: 'TARGET_UNREACHABLE' }, { silenceMs: 60_000 }])
    expect(awaitUploader(run).goesOn(new LifeboatError('TARGET_UNREACHABLE', facts))).toBe(false)
})

test('whoever answers in between has all its time again', () => {
  const awaiting = awaitUploader(run, 1)
  expect(awaiting.goesOn(silence)).toBe(true)
  for (const until = performance.now() + 2; performance.now() < until; );
  expect(awaiting.goesOn(silence)).toBe(false)
  awaiting.answered()
  expect(awaiting.goesOn(silence)).toBe(true)
})
