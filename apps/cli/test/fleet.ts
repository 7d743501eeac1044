import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Bus } from '@lifeboat/shared/bus/bus.ts'
import { connectBus } from '@lifeboat/shared/bus/nats-bus.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { PRESENCE_BUCKET, type Presence } from '@lifeboat/shared/service/presence.ts'
import { type NatsServer, startNats } from '@lifeboat/testkit/nats.ts'

/** A NATS of its own, a lifeboat.yaml that names it, and a connection to seed it with. */
export interface TestFleet extends AsyncDisposable {
  readonly nats: NatsServer
  readonly bus: Bus
  readonly dir: string
}

export async function startFleet(): Promise<TestFleet> {
  const nats = await startNats()
  const dir = await mkdtemp(join(tmpdir(), 'lifeboat-cli-'))
  await writeFile(join(dir, 'lifeboat.yaml'), configText(nats.url, dir))
  const bus = await connectBus({ servers: [nats.url], name: 'test', log: silentLogger })
  return {
    nats,
    bus,
    dir,
    async [Symbol.asyncDispose]() {
      await bus[Symbol.asyncDispose]()
      await nats[Symbol.asyncDispose]()
      await rm(dir, { recursive: true })
    },
  }
}

/** Says of a process that it runs, again and again like that itself: a command may take longer than one may be silent. */
export async function keepPresent(
  bus: Pick<Bus, 'bucket'>,
  present: () => Omit<Presence, 'version' | 'instance'>,
): Promise<AsyncDisposable> {
  const presences = await bus.bucket(PRESENCE_BUCKET)
  const beat = async () => {
    const told: Presence = { ...present(), instance: 'i1', version: '1' }
    await presences.put(`${told.service}.${told.id}.${told.instance}`, told)
  }
  await beat()
  let beating = Promise.resolve()
  const timer = setInterval(() => {
    beating = beating.then(beat)
  }, 1_000)
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer)
      await beating
    },
  }
}

export const KEY = 'A'.repeat(43)

export function configText(natsUrl: string, dir: string): string {
  return `
version: 1
fleet: test
bus: { servers: ["${natsUrl}"] }
encryption: { recipients: [age1abc] }
signers: { db1: ${KEY}, verifier: ${KEY} }
agents:
  db1: { url: "http://127.0.0.1:7461", token: env:TOKEN, signingKey: env:KEY, spool: { path: "${dir}/spool" } }
targets:
  aws: { kind: filesystem, path: "${dir}/aws" }
  gcp: { kind: filesystem, path: "${dir}/gcp" }
  away: { kind: filesystem, path: "${dir}/nowhere" }
sources:
  records: { agent: db1, host: 127.0.0.1, port: 1, database: records, user: lifeboat }
  quiet: { agent: db1, host: 127.0.0.1, port: 1, database: quiet, user: lifeboat }
  kept: { agent: db1, host: 127.0.0.1, port: 1, database: kept, user: lifeboat }
policies:
  daily: { sources: [records], kind: dump, schedule: { cron: "0 2 * * *" }, targets: [aws, gcp], copies: { required: 1 } }
  hourly: { sources: [quiet], kind: dump, schedule: { cron: "0 * * * *" }, targets: [aws] }
  weekly: { sources: [kept], kind: base, schedule: { cron: "0 1 * * 0" }, targets: [aws, gcp] }
wal:
  kept: { targets: [aws, gcp] }
objectives:
  records: { rpo: 24h, rto: 2h }
  kept: { rpo: 1h, rto: 2h }
verifier: { identity: env:ID, signingKey: env:KEY }
`
}
