import { join } from 'node:path'
import type { LifeboatConfig } from '@lifeboat/config/lifeboat-config.ts'
import type { PolicySection } from '@lifeboat/config/schema/policy.ts'
import type { z } from 'zod'
import { freePort } from '../free-port.ts'
import type { NatsServer } from '../nats.ts'
import type { SmtpTestServer } from '../smtp.ts'
import type { WorldKeys } from './keys.ts'
import type { WorldSource } from './source.ts'
import type { WorldTarget } from './targets.ts'

/** lifeboat.yaml before it is parsed: durations and sizes as people write them. */
export type WorldConfig = Omit<z.input<typeof LifeboatConfig>, 'policies'> & {
  policies: Record<string, z.input<typeof PolicySection>>
}

export const AGENT = 'db1'
export const SOURCE = 'records'
export const POLICY = 'daily'
export const MAIL_USER = 'lifeboat'

export interface ConfigParts {
  folder: string
  keys: WorldKeys
  nats: NatsServer
  source: WorldSource
  smtp: SmtpTestServer
  mailPassword: string
  targets: Readonly<Record<string, WorldTarget>>
}

/** A whole configuration: one source, one policy that is due once a year, every target, drills by turns, two copies required. */
export async function worldConfig(parts: ConfigParts): Promise<WorldConfig> {
  const { keys, source, smtp } = parts
  const agent = await keys.signingKey(AGENT)
  const verifier = await keys.signingKey('verifier')
  const targets = Object.entries(parts.targets)
  const [agentPort, ...health] = await Promise.all(Array.from({ length: 4 }, freePort))
  const at = (port: number | undefined) => `127.0.0.1:${port}`
  return {
    version: 1,
    fleet: 'world',
    bus: { servers: [parts.nats.url] },
    encryption: { recipients: [keys.recipient] },
    signers: { [AGENT]: agent.publicKey, verifier: verifier.publicKey },
    agents: {
      [AGENT]: {
        url: `http://${at(agentPort)}`,
        listen: at(agentPort),
        token: keys.agentToken,
        signingKey: agent.reference,
        spool: { path: join(parts.folder, 'spool'), partBytes: '4MiB', maxBytes: '1GiB' },
      },
    },
    targets: Object.fromEntries(targets.map(([name, { config }]) => [name, config])),
    sources: {
      [SOURCE]: {
        agent: AGENT,
        host: source.postgres.host,
        port: source.postgres.port,
        database: source.database,
        user: source.user,
        password: source.password,
        rolePasswords: false,
      },
    },
    policies: {
      [POLICY]: {
        sources: [SOURCE],
        kind: 'dump',
        schedule: { cron: '0 4 1 1 *', zone: 'Europe/Berlin' },
        targets: targets.map(([name]) => name),
        copies: { required: Math.min(2, targets.length) },
        drill: {
          targets: 'rotate',
          assertions: [
            {
              name: 'every result belongs to a resource',
              sql: 'SELECT count(*) FROM validation_results v LEFT JOIN resources r ON r.id = v.resource_id WHERE r.id IS NULL',
              expect: { equals: 0 },
            },
          ],
        },
        size: { min: '100kB' },
      },
    },
    objectives: { [SOURCE]: { rpo: '1h', rto: '2h' } },
    scheduler: { health: at(health[0]) },
    uploader: { health: at(health[1]) },
    verifier: {
      identity: keys.identity,
      signingKey: verifier.reference,
      scratchPath: join(parts.folder, 'scratch'),
      health: at(health[2]),
    },
    alerting: {
      email: {
        host: smtp.host,
        port: smtp.port,
        ca: smtp.caFile,
        user: MAIL_USER,
        password: parts.mailPassword,
        from: 'Lifeboat <lifeboat@records.example>',
        to: ['operations@records.example'],
      },
    },
  }
}
