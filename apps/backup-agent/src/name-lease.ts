import { randomBytes } from 'node:crypto'
import { mkdir, readFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import type { Bucket, BucketDefinition, Bus } from '@lifeboat/shared/bus/bus.ts'
import type { AgentId } from '@lifeboat/shared/domain/ids.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Logger } from '@lifeboat/shared/log/logger.ts'
import { within } from '@lifeboat/shared/run/within.ts'
import { z } from 'zod'
import { writeDurably } from './spool/files.ts'

const NameHolder = z.object({ instance: z.string(), host: z.string(), pid: z.int() })
type NameHolder = z.infer<typeof NameHolder>

/** Entries vanish by the server's clock, so clocks of hosts need not agree; a name is free this long after its agent died. */
export const AGENTS_BUCKET: BucketDefinition<NameHolder> = {
  name: 'lifeboat_agents',
  summary: 'Which agent instance holds which agent name; renewed while it lives.',
  schema: NameHolder,
  maxAgeMs: 20_000,
}
const RENEW_EVERY_MS = 5_000
const FAREWELL_MS = 3_000

export interface NameLease extends AsyncDisposable {
  /** Fires AGENT_NAME_TAKEN when somebody else got the name, for instance while this host was cut off. */
  readonly lost: AbortSignal
}

/**
 * Takes an agent's name on the bus and keeps it.
 *
 * @param instance the same after a restart on the same spool, which so takes over at once
 * @throws LifeboatError AGENT_NAME_TAKEN – another instance renewed it within the last 20 s
 */
export async function leaseName(
  bus: Pick<Bus, 'bucket'>,
  agentId: AgentId,
  instance: string,
  log: Logger,
): Promise<NameLease> {
  const bucket = await bus.bucket(AGENTS_BUCKET)
  const me = { instance, host: hostname(), pid: process.pid }
  await take(bucket, agentId, me)
  const lost = new AbortController()
  const renew = async () => {
    try {
      await take(bucket, agentId, me)
    } catch (thrown) {
      const err = LifeboatError.from(thrown)
      if (err.code === 'AGENT_NAME_TAKEN') return lost.abort(err)
      log.warn({ event: 'agent.unrenewed', err }, 'the name of the agent could not be renewed yet')
    }
  }
  let renewing: Promise<void> | undefined
  const timer = setInterval(() => {
    // One at a time and none waiting behind it: while the bus is away each takes longer than the pause between two.
    renewing ??= renew().finally(() => {
      renewing = undefined
    })
  }, RENEW_EVERY_MS)
  return {
    lost: lost.signal,
    async [Symbol.asyncDispose]() {
      clearInterval(timer)
      // Not given up it is free for others a little later, and for this agent on its next start at once.
      const farewell = async () => {
        await renewing
        await giveUp(bucket, agentId, me)
      }
      await within(FAREWELL_MS, farewell())
    },
  }
}

async function take(bucket: Bucket<NameHolder>, agentId: AgentId, me: NameHolder): Promise<void> {
  const held = await bucket.get(agentId)
  const written =
    held === undefined
      ? await bucket.create(agentId, me)
      : held.value.instance === me.instance && (await bucket.update(agentId, me, held.revision))
  if (written) return
  const holder = (await bucket.get(agentId))?.value
  // Written by us after all: the answer to an earlier try was lost.
  if (holder?.instance === me.instance) return
  throw new LifeboatError('AGENT_NAME_TAKEN', { agentId, heldBy: holder?.host, pid: holder?.pid })
}

/** Whoever took the name since keeps it. */
async function giveUp(bucket: Bucket<NameHolder>, agentId: AgentId, me: NameHolder): Promise<void> {
  const held = await bucket.get(agentId)
  if (held?.value.instance === me.instance) await bucket.delete(agentId, held.revision)
}

const Identity = z.object({ instance: z.string(), host: z.string() })

/** Who we are across restarts: kept in the spool. A copy of the spool on another host is somebody else. */
export async function instanceOf(spoolPath: string): Promise<string> {
  const path = join(spoolPath, 'agent.json')
  const known = await readFile(path, 'utf8').then(
    (text) => Identity.safeParse(JSON.parse(text)).data,
    () => undefined,
  )
  if (known?.host === hostname()) return known.instance
  const instance = `${hostname()}-${randomBytes(4).toString('hex')}`
  await mkdir(spoolPath, { recursive: true, mode: 0o700 })
  await writeDurably(path, JSON.stringify({ instance, host: hostname() }))
  return instance
}
