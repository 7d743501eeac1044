import { setTimeout as pause } from 'node:timers/promises'
import type { Bus } from '@lifeboat/shared/bus/bus.ts'
import type { MessageType } from '@lifeboat/shared/bus/define-message.ts'
import { connectBus } from '@lifeboat/shared/bus/nats-bus.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { createMetrics } from '@lifeboat/shared/service/metrics.ts'
import type { Clock } from '@lifeboat/shared/time/clock.ts'
import { type NatsServer, startNats } from '@lifeboat/testkit/nats.ts'
import { openParts, type SchedulerDeps } from '../src/deps.ts'
import type { Plan } from '../src/plans.ts'

export interface HandClock extends Clock {
  set(time: string): void
  forward(ms: number): void
}

export function handClock(time: string): HandClock {
  let nowMs = Date.parse(time)
  return {
    now: () => nowMs,
    set: (next) => {
      nowMs = Date.parse(next)
    },
    forward: (ms) => {
      nowMs += ms
    },
  }
}

export interface SchedulerWorld extends AsyncDisposable {
  nats: NatsServer
  bus: Bus
  clock: HandClock
  signal: AbortSignal
  /** What another scheduler process would have: its own connection and its own view. */
  scheduler(
    plans: readonly Plan[],
    over?: Partial<Pick<SchedulerDeps, 'promises' | 'expiry' | 'spread' | 'drillPlans'>>,
  ): Promise<SchedulerDeps>
  /** Waited for at the end of the world; that the world ends is no failure. */
  run(service: Promise<void>): void
  /** Everything of this type that is published from now on, as it is consumed. */
  collect<T>(type: MessageType<T>): Promise<T[]>
}

/** A real NATS server and any number of schedulers on it, with a clock moved by hand. */
export async function schedulerWorld(time: string): Promise<SchedulerWorld> {
  const owned = new AsyncDisposableStack()
  const nats = owned.use(await startNats())
  const stop = new AbortController()
  const connect = async () => owned.use(await connectBus({ servers: [nats.url], name: 'scheduler', log: silentLogger }))
  const services: Promise<void>[] = []
  const bus = await connect()
  const clock = handClock(time)
  return {
    nats,
    bus,
    clock,
    signal: stop.signal,
    scheduler: async (plans, { promises = {}, expiry = KEEPING_ALL, spread = NOWHERE, drillPlans = [] } = {}) => {
      const given = {
        plans,
        drillPlans,
        promises,
        expiry,
        spread,
        metrics: createMetrics('scheduler'),
        clock,
        log: silentLogger,
        tickMs: 1000,
      }
      return openParts(await connect(), given, stop.signal)
    },
    run(service) {
      const ended = service.catch((err: unknown) => {
        if (!stop.signal.aborted) throw err
      })
      // The service ends first, then the connections it uses.
      services.push(ended)
      ended.catch(() => {})
    },
    async collect(type) {
      const taken: never[] = []
      const durable = `test-${type.subject.replaceAll('.', '-')}`
      await bus.consume({ type, durable }, async (data) => void taken.push(data as never), { signal: stop.signal })
      return taken
    },
    async [Symbol.asyncDispose]() {
      stop.abort()
      await Promise.race([Promise.all(services), pause(5_000, undefined, { ref: false })])
      await owned.disposeAsync()
    },
  }
}

/** Time for a message that must not come, to come. */
export const aMoment = () => pause(400)

const NOWHERE: SchedulerDeps['spread'] = { targetsOf: () => [], walTargetsOf: () => [] }

const KEEPING_ALL: SchedulerDeps['expiry'] = {
  ...{ auto: false, schedule: undefined, undeleteMs: 0, targets: [] },
  keeping: { rulesOf: () => undefined, walWindowMs: {}, maxShare: 1 },
}
