import { isDeepStrictEqual } from 'node:util'
import {
  type ConsumerConfig,
  JetStreamApiCodes,
  JetStreamApiError,
  type JetStreamManager,
  type StreamConfig,
} from '@nats-io/jetstream'
import { LifeboatError } from '../errors/lifeboat-error.ts'
import type { Logger } from '../log/logger.ts'
import { UNAVAILABLE } from './persist.ts'

/**
 * Creates a stream, or changes those settings of an existing one that differ from `wanted`.
 *
 * @throws LifeboatError BUS_SETTINGS_REFUSED, e.g. when the retention of an existing stream would have to change
 */
export async function reconcileStream(
  jsm: JetStreamManager,
  wanted: Partial<StreamConfig> & { name: string },
  log: Logger,
): Promise<void> {
  const found = await orUndefined(jsm.streams.info(wanted.name))
  const drift = found && driftOf(wanted, found.config)
  if (drift?.length === 0) return
  await refusals({ stream: wanted.name }, () =>
    found ? jsm.streams.update(wanted.name, wanted) : jsm.streams.add(wanted),
  )
  if (drift) log.warn({ event: 'bus.reconciled', stream: wanted.name, changed: drift }, 'changed settings of a stream')
}

type WantedConsumer = Partial<ConsumerConfig> & { durable_name: string }

/** From 2.10 on a server says that a consumer is not there, or is there with other settings; before, it makes or changes it all the same. */
const OVERTAKEN = [JetStreamApiCodes.ConsumerNotFound, 10148, 10149]

/** The same for a durable consumer; its place in the stream is kept. One that somebody makes or removes meanwhile is looked at once more. */
export async function reconcileConsumer(
  jsm: JetStreamManager,
  stream: string,
  wanted: WantedConsumer,
  log: Logger,
): Promise<void> {
  try {
    await lookAndChange(jsm, stream, wanted, log)
  } catch (err) {
    const { cause } = err as Error
    if (!(cause instanceof JetStreamApiError) || !OVERTAKEN.includes(cause.code)) throw err
    await lookAndChange(jsm, stream, wanted, log)
  }
}

async function lookAndChange(
  jsm: JetStreamManager,
  stream: string,
  wanted: WantedConsumer,
  log: Logger,
): Promise<void> {
  const found = await orUndefined(jsm.consumers.info(stream, wanted.durable_name))
  // Where a durable starts matters when it is created and cannot be changed afterwards.
  const { deliver_policy: _start, ...lasting } = wanted
  const drift = found && driftOf(lasting, found.config)
  if (drift?.length === 0) return
  const about = { stream, consumer: wanted.durable_name }
  // From 2.10 on a server refuses to create one that exists with other settings.
  await refusals(about, () =>
    found
      ? jsm.consumers.update(stream, wanted.durable_name, { ...found.config, ...lasting })
      : jsm.consumers.add(stream, wanted),
  )
  if (drift) log.warn({ event: 'bus.reconciled', ...about, changed: drift }, 'changed settings of a consumer')
}

function driftOf(wanted: object, found: object): string[] {
  const actual = found as Record<string, unknown>
  return Object.entries(wanted)
    .filter(([name, value]) => value !== undefined && !isDeepStrictEqual(value, actual[name]))
    .map(([name]) => name)
}

async function orUndefined<T>(asked: Promise<T>): Promise<T | undefined> {
  return asked.catch((err: unknown) => {
    if (err instanceof JetStreamApiError && err.status === 404) return undefined
    throw err
  })
}

async function refusals(about: Record<string, string>, change: () => Promise<unknown>): Promise<void> {
  try {
    await change()
  } catch (cause) {
    if (!(cause instanceof JetStreamApiError) || cause.status === UNAVAILABLE) throw cause
    throw new LifeboatError('BUS_SETTINGS_REFUSED', { ...about, answer: cause.message }, { cause })
  }
}
