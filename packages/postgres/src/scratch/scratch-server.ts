import type { ChildProcess } from 'node:child_process'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { type SourceConnection, WRITING_SESSION } from '../connection.ts'
import type { PostgresTools } from '../tools/find-tools.ts'
import { bootCluster } from './boot.ts'
import { openScratchRoom, type RoomOptions, type ScratchRoom } from './scratch-room.ts'
import { hasEnded, logTail, stopServer } from './start-server.ts'

export interface ScratchOptions extends Omit<RoomOptions, 'tools'> {
  /** Must be the one of the source (oid 10): grants are recorded as given by it. */
  superuser: string
}

/** A throwaway PostgreSQL that only this account reaches, through a Unix socket. Disposing it removes every trace, unless it was kept. */
export interface ScratchServer extends AsyncDisposable {
  readonly major: number
  /** `postgres (PostgreSQL) 15.18 …` */
  readonly version: string
  /** Programs of the server's own major. */
  readonly tools: PostgresTools
  connection(database: string): SourceConnection
  /** An empty folder the server may use as a tablespace. */
  tablespaceFolder(no: number): Promise<string>
  /** Why the server itself is to blame for a failure; undefined while it lives and its disk has room. */
  trouble(): Promise<LifeboatError | undefined>
  /** Stops the server and leaves its files for a look. @returns their folder */
  keep(untilMs: number): Promise<string>
}

/** Servers listen on their own socket folder, so all may have the same number. */
export const SCRATCH_PORT = 5432
/** What restored roles and databases may bring that would break our own sessions: no writing, a library not on this machine, another role. */
export const STEADY_SESSION = `${WRITING_SESSION} -c session_preload_libraries=`

/**
 * Boots a server in a folder of its own, without fsync and without TCP.
 *
 * @throws LifeboatError DRILL_SCRATCH_UNAVAILABLE – no such program, no room, initdb or the start failed; the signal's reason
 */
export async function openScratch(opts: ScratchOptions): Promise<ScratchServer> {
  const room = await openScratchRoom({ ...opts, tools: ['initdb', 'postgres', 'pg_restore', 'psql'] })
  const { folder, account, tools, socketDir } = room
  const { superuser, signal } = opts
  try {
    const programs = { initdb: (await tools.program('initdb')).path, postgres: (await tools.program('postgres')).path }
    const plan = { templates: opts.root, folder, account, ...programs, socketDir, superuser, signal }
    return await scratchServer(room, await bootCluster(plan), superuser)
  } catch (thrown) {
    await room[Symbol.asyncDispose]()
    throw thrown
  }
}

/** A running server in its room; disposing ends both. */
export async function scratchServer(
  room: ScratchRoom,
  server: ChildProcess,
  superuser: string,
): Promise<ScratchServer> {
  const { socketDir: host, tools } = room
  let kept = false
  return {
    ...{ major: tools.major, tools, version: (await tools.program('postgres')).versionLine },
    connection: (database) => scratchConnection(host, database, superuser),
    tablespaceFolder: (no) => room.makeFolder(`tablespace-${no}`),
    async trouble() {
      if (!hasEnded(server)) return room.noRoom()
      const facts = { problem: 'the server ended', log: await logTail(room.folder) }
      return new LifeboatError('DRILL_SCRATCH_UNAVAILABLE', facts)
    },
    async keep(untilMs) {
      kept = true
      await stopServer(server, 'fast')
      return room.keep(untilMs)
    },
    async [Symbol.asyncDispose]() {
      if (kept) return
      await stopServer(server, 'immediate')
      await room[Symbol.asyncDispose]()
    },
  }
}

export function scratchConnection(host: string, database: string, user: string): SourceConnection {
  return { host, port: SCRATCH_PORT, database, user, sslmode: 'disable', options: STEADY_SESSION }
}
