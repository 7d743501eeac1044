import { expect, test } from 'vitest'
import type { ProgressReport } from '../bus/bus.ts'
import type { RunId } from '../domain/ids.ts'
import { LifeboatError } from '../errors/lifeboat-error.ts'
import { silentLogger } from '../log/logger.ts'
import { createRun } from './create-run.ts'

function aRun(signals: AbortSignal[] = []) {
  const sent: ProgressReport[] = []
  const clock = { at: 1_000_000, now: () => clock.at }
  const bus = { sendProgress: (report: ProgressReport) => void sent.push(report) }
  const run = createRun({ id: 'daily.x.1' as RunId, service: 'test', signals, log: silentLogger, bus, clock })
  return { run, sent, clock }
}

test('progress is sent at most once a second, and what was reported last is sent at the end', () => {
  const { run, sent, clock } = aRun()
  for (let done = 0; done <= 250; done += 1) {
    run.report({ phase: 'dump', done, unit: 'bytes' })
    clock.at += 10
  }
  expect(sent.map(({ done }) => done)).toEqual([0, 100, 200])
  run[Symbol.dispose]()
  expect(sent.at(-1)).toEqual({
    runId: 'daily.x.1',
    service: 'test',
    at: clock.at,
    phase: 'dump',
    done: 250,
    unit: 'bytes',
  })
  run[Symbol.dispose]()
  expect(sent).toHaveLength(4)
})

test('the end of a phase is told before the next one begins', () => {
  const { run, sent } = aRun()
  run.report({ phase: 'dump', done: 1, unit: 'bytes' })
  run.report({ phase: 'dump', done: 2, unit: 'bytes' })
  run.report({ phase: 'seal', done: 0, unit: 'checks' })
  expect(sent.map(({ phase, done }) => `${phase} ${done}`)).toEqual(['dump 1', 'dump 2'])
})

test('a clock that goes backwards does not silence the progress', () => {
  const { run, sent, clock } = aRun()
  run.report({ phase: 'dump', done: 1, unit: 'bytes' })
  clock.at -= 3_600_000
  run.report({ phase: 'dump', done: 2, unit: 'bytes' })
  expect(sent).toHaveLength(2)
})

test('the signal that fires first gives the reason', () => {
  const [stopping, cancel] = [new AbortController(), new AbortController()]
  const { run } = aRun([stopping.signal, cancel.signal])
  cancel.abort(new LifeboatError('RUN_CANCELLED'))
  stopping.abort(new LifeboatError('SERVICE_STOPPING'))
  expect(run.signal.reason).toMatchObject({ code: 'RUN_CANCELLED' })
})
