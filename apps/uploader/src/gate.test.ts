import type { TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { ErrorCode } from '@lifeboat/shared/errors/catalogue.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { expect, test } from 'vitest'
import { openGate } from './gate.ts'

const signal = new AbortController().signal
const pauses = { firstMs: 30, longestMs: 100 }

test('three failures in a row close the gate, two do not', async () => {
  const gate = openGate('aws' as TargetId, silentLogger, pauses)
  await fail(gate, 2)
  await gate.through(signal, async () => undefined)
  await fail(gate, 2)
  expect(gate.away).toBe(false)
  await fail(gate, 1)
  expect(gate.away).toBe(true)
})

test('a failure that is about one object says nothing about the target', async () => {
  const gate = openGate('aws' as TargetId, silentLogger, pauses)
  await fail(gate, 9, 'TARGET_KEY_TAKEN')
  await fail(gate, 9, 'AGENT_UNREACHABLE')
  await fail(gate, 9, 'COPY_INCOMPLETE')
  expect(gate.away).toBe(false)
})

test('while the target is away one piece of work at a time finds out whether it is back', async () => {
  const gate = openGate('aws' as TargetId, silentLogger, pauses)
  await fail(gate, 3)
  let running = 0
  let most = 0
  let tries = 0
  const began = performance.now()
  const work = async () => {
    running++
    most = Math.max(most, running)
    await new Promise((later) => setTimeout(later, 5))
    running--
    if (++tries < 4) throw new LifeboatError('TARGET_UNREACHABLE')
  }
  const outcomes = await Promise.allSettled(Array.from({ length: 4 }, () => gate.through(signal, work)))
  expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  expect(most).toBe(1)
  // 30 + 60 + 100 + 100 ms between the tries.
  expect(performance.now() - began).toBeGreaterThan(280)
  expect(gate.away).toBe(false)
})

test('when the target is back, everybody who waited goes on at once', async () => {
  const gate = openGate('aws' as TargetId, silentLogger, pauses)
  await fail(gate, 3)
  let done = 0
  const began = performance.now()
  await Promise.all(Array.from({ length: 50 }, () => gate.through(signal, async () => void done++)))
  expect(done).toBe(50)
  expect(performance.now() - began).toBeLessThan(3000)
})

test('a stop ends the waiting with its reason', async () => {
  const gate = openGate('aws' as TargetId, silentLogger, { firstMs: 60_000, longestMs: 60_000 })
  await fail(gate, 3)
  const stopping = new AbortController()
  const reason = new LifeboatError('SERVICE_STOPPING')
  setTimeout(() => stopping.abort(reason), 20)
  const waiting = gate.through(stopping.signal, async () => 'never')
  await expect(waiting).rejects.toBe(reason)
})

async function fail(gate: ReturnType<typeof openGate>, times: number, code: ErrorCode = 'TARGET_REFUSED') {
  for (let nth = 0; nth < times; nth++)
    await gate.through(signal, () => Promise.reject(new LifeboatError(code))).catch(() => undefined)
}
