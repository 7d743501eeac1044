import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestPostgres } from '@lifeboat/testkit/postgres.ts'
import { openBarman } from '../peers/barman.ts'
import type { OpenPeer, Peer, PeerOptions } from '../peers/peer.ts'
import { openPgBackRest } from '../peers/pgbackrest.ts'
import { program } from './programs.ts'

const PEERS: Readonly<Record<string, OpenPeer>> = { pgBackRest: openPgBackRest, Barman: openBarman }

/** What pgbench makes of the database `postgres` in about so many bytes. */
export async function fillByPgbench(
  postgres: TestPostgres,
  bytes: number,
  more: readonly string[] = [],
): Promise<void> {
  const scale = Math.max(1, Math.round(bytes / 15e6))
  await pgbench(postgres, ['--initialize', '--quiet', `--scale=${scale}`, ...more])
}

export function pgbench({ binDir, socketDir, port, user }: TestPostgres, args: readonly string[]): Promise<void> {
  const where = ['--host', socketDir, '--port', String(port), '--username', user]
  return program(join(binDir, 'pgbench'), [...args, ...where, 'postgres'])
}

/** Those of the peers that are there, each with a repository of its own; the names of the others. @param how.orElse opened where none is there */
export async function openPeers(
  postgres: TestPostgres,
  how: Omit<PeerOptions, 'postgres' | 'folder'> & { only?: readonly string[]; orElse?: OpenPeer },
): Promise<AsyncDisposable & { open: Peer[]; missing: string[] }> {
  const scope = new AsyncDisposableStack()
  const folder = scope.adopt(await mkdtemp(join(tmpdir(), 'lifeboat-bench-')), (path) =>
    rm(path, { recursive: true, force: true }),
  )
  await chmod(folder, 0o755)
  const [open, missing]: [Peer[], string[]] = [[], []]
  for (const [name, openPeer] of Object.entries(PEERS).filter(([name]) => how.only?.includes(name) ?? true)) {
    const peer = await openPeer({ postgres, folder: await homeIn(folder, name), ...how })
    if (peer) open.push(scope.use(peer))
    else missing.push(name)
  }
  const instead = open.length === 0 && (await how.orElse?.({ postgres, folder: await homeIn(folder, 'else'), ...how }))
  if (instead) open.push(scope.use(instead))
  return { open, missing, [Symbol.asyncDispose]: () => scope.disposeAsync() }
}

async function homeIn(folder: string, name: string): Promise<string> {
  const home = join(folder, name)
  await mkdir(home)
  return home
}
