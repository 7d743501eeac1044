import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { LifeboatError } from '../errors/lifeboat-error.ts'
import { silentLogger } from '../log/logger.ts'
import type { Handler } from './bus.ts'
import { type DeliveryRules, deliver, pauseBefore } from './deliver.ts'
import { DrillRequested } from './messages/drill.ts'
import { HAND_BACK_MS, type PulledMessage } from './pulled-message.ts'
import { ACK_WAIT_MS } from './streams.ts'

const wish = {
  runId: 'drill.x',
  backupId: '20260926T020000Z-dump-k3f9qa',
  sourceId: 'records',
  policyId: 'daily',
  kind: 'dump',
  targetId: 'aws',
  requestedBy: 'operator',
  requestedAt: '2026-09-26T02:00:00.000Z',
}

function aMessage(over: Partial<PulledMessage> = {}) {
  const settled: string[] = []
  const message: PulledMessage = {
    subject: 'lifeboat.wish.drill.requested.v1.all',
    data: new TextEncoder().encode(JSON.stringify(wish)),
    traceparent: undefined,
    stream: 'LIFEBOAT_WISHES',
    sequence: 1,
    consumer: 'verifier',
    deliveries: 1,
    publishedAt: 0,
    ack: async () => void settled.push('ack'),
    nak: (ms) => void settled.push(`nak ${ms === HAND_BACK_MS ? 'soon' : 'later'}`),
    term: () => void settled.push('term'),
    working: () => void settled.push('working'),
    ...over,
  }
  return { message, settled }
}

const buried: LifeboatError[] = []
const rules: DeliveryRules = {
  signal: new AbortController().signal,
  log: silentLogger,
  maxDeliver: 3,
  bury: async (_message, error) => void buried.push(error),
}

beforeEach(() => {
  buried.length = 0
  vi.useFakeTimers()
})
afterEach(() => vi.useRealTimers())

const failing = (code: ConstructorParameters<typeof LifeboatError>[0]) => () => Promise.reject(new LifeboatError(code))

describe('a delivery', () => {
  test('is acknowledged when its handler returned', async () => {
    const { message, settled } = aMessage()
    await deliver(message, DrillRequested, async () => {}, rules)
    expect(settled).toEqual(['ack'])
  })

  test('comes back at once when the service is stopping', async () => {
    const { message, settled } = aMessage()
    await deliver(message, DrillRequested, failing('SERVICE_STOPPING'), rules)
    expect(settled).toEqual(['nak soon'])
  })

  test('comes back after a pause when trying again may help', async () => {
    const { message, settled } = aMessage()
    await deliver(message, DrillRequested, failing('TARGET_UNREACHABLE'), rules)
    expect(settled).toEqual(['nak later'])
  })

  test('becomes a dead letter when trying again cannot help', async () => {
    const { message, settled } = aMessage()
    await deliver(message, DrillRequested, failing('SOURCE_UNKNOWN'), rules)
    expect(settled).toEqual(['term'])
    expect(buried.map(({ code }) => code)).toEqual(['SOURCE_UNKNOWN'])
  })

  test('becomes a dead letter with its own error when the last allowed try failed', async () => {
    const { message, settled } = aMessage({ deliveries: 3 })
    await deliver(message, DrillRequested, failing('TARGET_UNREACHABLE'), rules)
    expect(settled).toEqual(['term'])
    expect(buried.map(({ code }) => code)).toEqual(['TARGET_UNREACHABLE'])
  })

  test('is not given up before its dead letter is safe', async () => {
    const { message, settled } = aMessage()
    const bury = () => Promise.reject(new LifeboatError('BUS_UNREACHABLE'))
    await deliver(message, DrillRequested, failing('SOURCE_UNKNOWN'), { ...rules, bury })
    expect(settled).toEqual(['nak later'])
  })

  test('of an error nobody translated is tried again, for it may be a passing one', async () => {
    const { message, settled } = aMessage()
    await deliver(message, DrillRequested, () => Promise.reject(new TypeError('x is undefined')), rules)
    expect(settled).toEqual(['nak later'])
  })

  test('whose acknowledgement is lost is left to come again', async () => {
    const { message } = aMessage({ ack: () => Promise.reject(new Error('timeout')) })
    await expect(deliver(message, DrillRequested, async () => {}, rules)).resolves.toBeUndefined()
  })

  test('tells the server three times per ack wait that it is worked on, and no more when it is over', async () => {
    const { message, settled } = aMessage()
    const { promise, resolve } = Promise.withResolvers<void>()
    const over = deliver(message, DrillRequested, () => promise, rules)
    await vi.advanceTimersByTimeAsync(10 * ACK_WAIT_MS)
    expect(settled.filter((what) => what === 'working')).toHaveLength(30)
    resolve()
    await over
    await vi.advanceTimersByTimeAsync(10 * ACK_WAIT_MS)
    expect(settled.at(-1)).toBe('ack')
  })

  test.for([
    ['no JSON', 'not json'],
    ['no UTF-8', new Uint8Array([0x22, 0xff, 0xfe, 0x22])],
    ['an empty body', ''],
    ['a field of the wrong type', JSON.stringify({ ...wish, targetId: 7 })],
    ['a field missing', JSON.stringify({ ...wish, runId: undefined })],
    ['another kind of thing', '[]'],
  ] as const)('with %s is a bad message, told without its contents', async ([, body]) => {
    const data = typeof body === 'string' ? new TextEncoder().encode(body) : body
    const { message, settled } = aMessage({ data })
    const handle = vi.fn<Handler<DrillRequested>>()
    await deliver(message, DrillRequested, handle, rules)
    expect(handle).not.toHaveBeenCalled()
    expect(settled).toEqual(['term'])
    expect(buried[0]).toMatchObject({ code: 'BUS_BAD_MESSAGE', facts: { subject: message.subject } })
    expect(JSON.stringify(buried[0]?.facts)).not.toContain('daily')
  })
})

describe('the pause before another try', () => {
  test('doubles from one second to five minutes, spread by a fifth', () => {
    const later = { retry: 'later' as const, pauseMs: undefined, firstPauseMs: undefined }
    expect([1, 2, 3, 9, 10, 1000].map((attempt) => pauseBefore(attempt, later, 0.5))).toEqual([
      1_000, 2_000, 4_000, 256_000, 300_000, 300_000,
    ])
    expect([0, 1].map((random) => pauseBefore(1, later, random))).toEqual([800, 1_200])
  })

  test('is short for what is merely not complete yet', () => {
    const incomplete = new LifeboatError('COPY_INCOMPLETE')
    expect([1, 2, 3, 1000].map((attempt) => pauseBefore(attempt, incomplete, 0.5))).toEqual([100, 200, 400, 10_000])
  })
})
