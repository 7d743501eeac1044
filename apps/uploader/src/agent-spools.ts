import { once } from 'node:events'
import { Agent, type IncomingMessage, request } from 'node:http'
import { Agent as SecureAgent, request as secureRequest } from 'node:https'
import type { Readable } from 'node:stream'
import type { AgentId, BackupId, SourceId } from '@lifeboat/shared/domain/ids.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { watchedDownload } from '@lifeboat/storage/layers/stall.ts'
import { relay } from '@lifeboat/storage/relay.ts'
import type { AgentAccess } from './config.ts'

/** The spools of all agents, as an uploader may read them. */
export interface AgentSpools extends Disposable {
  /**
   * @returns undefined when the agent says that it does not have it (any more)
   * @throws LifeboatError AGENT_UNREACHABLE – also on the stream when it breaks · AGENT_REFUSED
   */
  open(at: SpoolFile, signal: AbortSignal): Promise<Readable | undefined>
}

export type SpoolFile = {
  agentId: AgentId
  /** A part (`db.dump.zst.age.00000`), a document (`manifest.json`) or an object of the WAL archive. */
  name: string
} & ({ backupId: BackupId } | { walOf: SourceId })

export interface Patience {
  /** An agent that says nothing for this long is given up on. */
  silenceMs: number
  /** Time to connect; default 5 s. */
  connectMs?: number
  /** A failure that took longer than this makes the agent count as away; default 1 s. A quick refusal costs nobody anything. */
  slowMs?: number
  /** How long an agent that is away is not asked; default 30 s. */
  awayMs?: number
}

const CONNECT_MS = 5_000
const SLOW_MS = 1_000
const AWAY_MS = 30_000

/**
 * An agent whose host swallows packets or that goes silent would hold every worker for its time: it counts as away for a while and refuses
 * at once, so that parts come from elsewhere and other agents' parts have room. Then one asks whether it is back, alone.
 */
export function agentSpools(agents: ReadonlyMap<AgentId, AgentAccess>, patience: Patience): AgentSpools {
  const { silenceMs, connectMs = CONNECT_MS, slowMs = SLOW_MS, awayMs = AWAY_MS } = patience
  const awayUntil = new Map<AgentId, number>()
  const isAway = (agentId: AgentId) => performance.now() < (awayUntil.get(agentId) ?? 0)
  const pools = { 'http:': new Agent({ keepAlive: true }), 'https:': new SecureAgent({ keepAlive: true }) }
  return {
    async open(at, signal) {
      const access = agents.get(at.agentId)
      if (access === undefined) throw unreachable(at, { problem: 'no agent of this name is configured here' })
      if (isAway(at.agentId)) throw unreachable(at, { problem: 'known to be away' })
      const holdOff = () => awayUntil.set(at.agentId, performance.now() + awayMs)
      // It was away: until it answers this one, nobody else asks.
      if (awayUntil.has(at.agentId)) holdOff()
      let absent = false
      const silent = () => {
        holdOff()
        return unreachable(at, { silenceMs })
      }
      const body = await watchedDownload({ silenceMs, silent, signal }, async (watched) => {
        const began = performance.now()
        const answer = await ask(at, access, { pools, connectMs }, watched).catch((thrown: unknown) => {
          if (!signal.aborted && performance.now() - began > slowMs) holdOff()
          throw thrown
        })
        awayUntil.delete(at.agentId)
        absent = answer.statusCode === 404 || answer.statusCode === 410
        if (!absent) demandBody(at, answer)
        return wholeBody(at, answer, watched)
      })
      if (!absent) return body
      body.resume()
      return undefined
    },
    [Symbol.dispose]() {
      for (const pool of Object.values(pools)) pool.destroy()
    },
  }
}

async function ask(
  at: SpoolFile,
  { url, token }: AgentAccess,
  { pools, connectMs }: { pools: { 'http:': Agent; 'https:': SecureAgent }; connectMs: number },
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const folder = 'walOf' in at ? `wal/${at.walOf}` : `backups/${at.backupId}`
  const address = new URL(`${url.replace(/\/$/, '')}/${folder}/${encodeURIComponent(at.name)}`)
  const headers = { authorization: `Bearer ${token.reveal()}` }
  const secure = address.protocol === 'https:'
  const agent = pools[secure ? 'https:' : 'http:']
  const sent = (secure ? secureRequest : request)(address, { agent, headers, signal })
  const slow = setTimeout(() => {
    if (sent.socket?.connecting !== false) sent.destroy(unreachable(at, { connectMs }))
  }, connectMs)
  sent.end()
  try {
    const [answer] = (await once(sent, 'response')) as [IncomingMessage]
    return answer
  } catch (cause) {
    signal.throwIfAborted()
    if (cause instanceof LifeboatError) throw cause
    throw unreachable(at, { systemCode: (cause as NodeJS.ErrnoException).code }, cause)
  } finally {
    clearTimeout(slow)
  }
}

function demandBody(at: SpoolFile, answer: IncomingMessage): void {
  if (answer.statusCode === 200) return
  answer.resume()
  const facts = { ...at, status: answer.statusCode }
  throw [401, 403].includes(answer.statusCode ?? 0)
    ? new LifeboatError('AGENT_REFUSED', facts)
    : unreachable(at, { status: answer.statusCode })
}

function wholeBody(at: SpoolFile, answer: IncomingMessage, signal: AbortSignal): Readable {
  const expected = Number(answer.headers['content-length'] ?? Number.NaN)
  let passed = 0
  return relay(answer, {
    signal,
    each: (chunk) => {
      passed += chunk.byteLength
    },
    atEnd: () => {
      if (passed < expected) throw unreachable(at, { problem: 'cut' })
    },
    translate: (thrown) => (thrown instanceof LifeboatError ? thrown : unreachable(at, { problem: 'cut' }, thrown)),
  })
}

function unreachable(
  at: SpoolFile,
  facts: Record<string, string | number | undefined>,
  cause?: unknown,
): LifeboatError {
  return new LifeboatError('AGENT_UNREACHABLE', { ...at, ...facts }, { cause })
}
