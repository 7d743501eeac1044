import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import type { AgentId } from '@lifeboat/shared/domain/ids.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { relay } from '@lifeboat/storage/relay.ts'
import type { AgentSpools, SpoolFile } from './agent-spools.ts'
import type { AgentAccess } from './config.ts'

/** A put passes on several such pieces at a time, and several puts go on to each target: with four times as much they were the largest thing in memory. */
const READ_BYTES = 128 * 1024
/** Objects of WAL are a few megabytes, and there are dozens a second: it is the number of steps that costs. */
const WAL_READ_BYTES = 512 * 1024
/** A plain file name of the spool; nothing that leads elsewhere. */
const PLAIN = /^[A-Za-z0-9][A-Za-z0-9._-]*$/

/**
 * Reads finished files straight from an agent's spool where it lies on this host and this process may read it, and asks the agent for everything
 * else. Names in a spool are given to other bytes only where the same WAL is encrypted anew, and whoever stores what was read compares digests.
 */
export function localFirst(spools: AgentSpools, agents: ReadonlyMap<AgentId, AgentAccess>): AgentSpools {
  return {
    async open(at, signal) {
      const path = pathOf(at, agents.get(at.agentId)?.spoolPath)
      const here = path === undefined ? undefined : await readHere(at, path, signal)
      return here ?? (await spools.open(at, signal))
    },
    [Symbol.dispose]: () => spools[Symbol.dispose](),
  }
}

function pathOf(at: SpoolFile, spool: string | undefined): string | undefined {
  if (spool === undefined || !PLAIN.test(at.name)) return undefined
  return join(spool, ...('walOf' in at ? ['wal', at.walOf] : ['backups', at.backupId]), at.name)
}

/** undefined for whatever reason it cannot be read: the agent knows why. */
async function readHere(at: SpoolFile, path: string, signal: AbortSignal): Promise<Readable | undefined> {
  signal.throwIfAborted()
  // Not through a link, and no waiting for the other end of a pipe.
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(() => undefined)
  if (file === undefined) return undefined
  if (!(await file.stat()).isFile()) {
    await file.close()
    return undefined
  }
  const translate = (cause: unknown) =>
    new LifeboatError('AGENT_UNREACHABLE', { ...at, problem: 'its spool cannot be read' }, { cause })
  const highWaterMark = 'walOf' in at ? WAL_READ_BYTES : READ_BYTES
  return relay(file.createReadStream({ highWaterMark }), { signal, translate })
}
