import { createServer } from 'node:net'
import { join } from 'node:path'
import { isThere } from '@lifeboat/recovery/swap/swap-places.ts'
import type { ClusterWish } from '@lifeboat/shared/domain/restore.ts'
import { type Site, standsBeside } from './site.ts'

/** What stands beside is let go by a command, and not by another folder. */
export const BESIDE_ALREADY =
  'there is a cluster beside of this source already; `lifeboat restore release SOURCE --beside` removes it'
/** Longest path of a Unix socket. */
const SOCKET_PATH_BYTES = 103
const SOCKET_NAME = '/.s.PGSQL.65535'

/** A cluster as far as its place is concerned. */
export interface Comer {
  /** undefined: it cannot be read. */
  systemIdentifier: string | undefined
  tablespaces: number
}

/** What of the place itself stands in the way of a cluster that is to come. */
export async function unfitOf(site: Site, wish: ClusterWish, comer: Comer): Promise<string[]> {
  return [
    ...(standsBeside(wish) ? await unfitBeside(site, wish) : []),
    ...(site.place === 'in place' ? unfitInPlace(site, comer) : []),
  ]
}

async function unfitBeside({ folder, besides }: Site, { port }: ClusterWish): Promise<string[]> {
  const taken = await Promise.all(besides.map((each) => isThere(join(each, 'data'))))
  return [
    ...(taken.includes(true) ? [BESIDE_ALREADY] : []),
    ...(Buffer.byteLength(folder + SOCKET_NAME) > SOCKET_PATH_BYTES
      ? [`the path of its folder ${folder} is too long for a socket`]
      : []),
    ...(port === undefined ? ['no port was named'] : []),
    ...(port !== undefined && !(await isFree(port)) ? [`port ${port} is taken`] : []),
  ]
}

export function unfitInPlace({ present, account }: Pick<Site, 'present' | 'account'>, comer: Comer): string[] {
  const uid = process.getuid?.()
  return [
    ...(comer.tablespaces > 0 || (present?.tablespaces ?? 0) > 0
      ? ['it has tablespaces outside of its data directory: recover it beside, or with `lifeboat recover`']
      : []),
    ...(present?.isMount ? ['the data directory is a disk of its own, which cannot be renamed'] : []),
    ...(present && present.systemIdentifier !== comer.systemIdentifier
      ? [
          `another cluster lies there (${present.systemIdentifier ?? 'none that can be read'}, not ${comer.systemIdentifier})`,
        ]
      : []),
    ...(uid !== 0 && uid !== account.uid ? ['the agent is neither root nor the owner of the data directory'] : []),
  ]
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
