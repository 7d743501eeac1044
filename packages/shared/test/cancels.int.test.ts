import { once } from 'node:events'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { moment, type RunId } from '../src/domain/ids.ts'
import { silentLogger } from '../src/log/logger.ts'
import { type Cancel, openCancels } from '../src/run/cancels.ts'
import { openWorld } from './bus-world.ts'

let world: Awaited<ReturnType<typeof openWorld>>
const stop = new AbortController()
beforeAll(async () => {
  world = await openWorld()
})
afterAll(async () => {
  stop.abort()
  await world[Symbol.asyncDispose]()
})

const open = () => openCancels(world.bus, { signal: stop.signal, log: silentLogger })
const aCancel = (runId: string, why: Cancel['why']): Cancel => ({
  runId: runId as RunId,
  why,
  by: 'operator',
  at: moment(Date.now()),
})

test('a cancelled run hears of it with the reason, and no other run does', async () => {
  const cancels = await open()
  const [one, other] = [cancels.of('run.1' as RunId).signal, cancels.of('run.2' as RunId).signal]
  const heard = once(one, 'abort')
  await (await open()).cancel({ ...aCancel('run.1', 'cancelled'), reason: 'the wrong database' })
  await heard
  expect(one.reason).toMatchObject({ code: 'RUN_CANCELLED', facts: { by: 'operator', reason: 'the wrong database' } })
  expect(other.aborted).toBe(false)
})

test('a run that takes too long hears that, not that it was cancelled', async () => {
  const cancels = await open()
  await cancels.cancel(aCancel('run.3', 'overdue'))
  await expect.poll(() => cancels.of('run.3' as RunId).signal.reason).toMatchObject({ code: 'RUN_OVERDUE' })
})

test('a run cancelled before its worker started is cancelled from its first moment', async () => {
  await (await open()).cancel(aCancel('run.4', 'cancelled'))
  const late = await open()
  expect(late.of('run.4' as RunId).signal.aborted).toBe(true)
})

test('a run that is over is not listened for any more, its twin still is', async () => {
  const cancels = await open()
  const twin = cancels.of('run.5' as RunId)
  for (let nth = 0; nth < 100; nth += 1) cancels.of('run.5' as RunId)[Symbol.dispose]()
  expect(cancels.listening).toBe(1)
  await cancels.cancel(aCancel('run.5', 'cancelled'))
  await expect.poll(() => twin.signal.aborted).toBe(true)
})
