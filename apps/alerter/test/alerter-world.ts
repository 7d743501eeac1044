import { readFile } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'
import { Ledger } from '@lifeboat/catalog/ledger.ts'
import type { Bus } from '@lifeboat/shared/bus/bus.ts'
import { connectBus } from '@lifeboat/shared/bus/nats-bus.ts'
import { Secret } from '@lifeboat/shared/config/secret.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { Footings } from '@lifeboat/shared/service/footings.ts'
import type { Clock } from '@lifeboat/shared/time/clock.ts'
import { type NatsServer, startNats } from '@lifeboat/testkit/nats.ts'
import { type SmtpTestServer, startSmtp } from '@lifeboat/testkit/smtp.ts'
import { openEmail } from '../src/channels/email.ts'
import { type AlerterDeps, openParts } from '../src/deps.ts'
import { LookAround } from '../src/look-around.ts'
import { deliverDue } from '../src/outbox.ts'
import { round } from '../src/round.ts'
import { aPlan, at } from './builders.ts'

export const LOGIN = { user: 'lifeboat', pass: 'correct horse' }

export interface Alerter {
  deps: AlerterDeps
  /** What the service does every few seconds, once. @returns mails the server took */
  turn(): Promise<number>
}

export interface AlerterWorld extends AsyncDisposable {
  nats: NatsServer
  smtp: SmtpTestServer
  bus: Bus
  ledger: Ledger
  clock: Clock & { set(time: string): void; forward(ms: number): void }
  signal: AbortSignal
  /** Waited for at the end of the world; that the world ends is no failure. */
  run(service: Promise<void>): void
  /** Another alerter process, as far as the bus can tell. */
  alerter(over?: Partial<AlerterDeps>): Promise<Alerter>
}

/** Real NATS, real SMTP with STARTTLS and login, a clock moved by hand. */
export async function alerterWorld(time: string): Promise<AlerterWorld> {
  const owned = new AsyncDisposableStack()
  const [nats, smtp] = await Promise.all([startNats(), startSmtp({ auth: LOGIN })])
  owned.use(nats)
  owned.use(smtp)
  const stop = new AbortController()
  const connect = async () => owned.use(await connectBus({ servers: [nats.url], name: 'alerter', log: silentLogger }))
  const services: Promise<void>[] = []
  const bus = await connect()
  const clock = handClock(time)
  const channel = await mailTo(smtp)
  return {
    ...{ nats, smtp, bus, clock, signal: stop.signal, ledger: await Ledger.open(bus) },
    async alerter(over = {}) {
      const mail = { fleet: 'test', to: ['ops@example.com'], dashboard: undefined, repeatMs: 4 * 3_600_000 }
      const given = {
        channel,
        footings: new Footings(),
        plans: [aPlan()],
        services: [],
        watchedFootings: [],
        wal: [],
        drills: [],
        promises: {},
        identities: [],
        expirySchedule: undefined,
        mail,
        deadManUrl: undefined,
        roundMs: 100,
      }
      const deps = {
        ...(await openParts(await connect(), { ...given, clock, log: silentLogger }, stop.signal)),
        ...over,
      }
      const around = new LookAround(deps)
      return {
        deps,
        async turn() {
          await round(deps, await around.look())
          return deliverDue(deps)
        },
      }
    },
    run(service) {
      const ended = service.catch((err: unknown) => {
        if (!stop.signal.aborted) throw err
      })
      services.push(ended)
      ended.catch(() => {})
    },
    async [Symbol.asyncDispose]() {
      stop.abort()
      await Promise.race([Promise.all(services), pause(5_000, undefined, { ref: false })])
      await owned.disposeAsync()
    },
  }
}

export async function mailTo(smtp: SmtpTestServer, timeoutMs = 120_000) {
  return openEmail({
    host: smtp.host,
    port: smtp.port,
    security: 'starttls',
    ca: await readFile(smtp.caFile, 'utf8'),
    login: { user: LOGIN.user, password: new Secret(LOGIN.pass) },
    from: 'Lifeboat <lifeboat@example.com>',
    timeoutMs,
  })
}

function handClock(time: string) {
  let nowMs = at(time)
  return {
    now: () => nowMs,
    set: (next: string) => {
      nowMs = at(next)
    },
    forward: (ms: number) => {
      nowMs += ms
    },
  }
}
