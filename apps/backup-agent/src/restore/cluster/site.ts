import { chown, mkdir, readlink, realpath, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { basename, dirname, join, resolve } from 'node:path'
import { type Account, serverAccount } from '@lifeboat/postgres/scratch/owner.ts'
import { asideName } from '@lifeboat/recovery/swap/aside-names.ts'
import { type PresentCluster, presentCluster } from '@lifeboat/recovery/swap/present-cluster.ts'
import { isThere } from '@lifeboat/recovery/swap/swap-places.ts'
import type { RestoreId, SourceId } from '@lifeboat/shared/domain/ids.ts'
import type { ClusterPlace, ClusterWish } from '@lifeboat/shared/domain/restore.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Restorable } from '../restorable.ts'

/** Where a cluster is recovered to, and what of it is there now. */
export interface Site {
  place: ClusterPlace
  /** Where it is put together: empty, or not there yet. */
  folder: string
  /** Where its data directory is in the end. */
  dataDirectory: string
  /** In place: what is in the way. */
  present: PresentCluster | undefined
  account: Account
}

/** The folder of the cluster beside of a source. @throws LifeboatError RESTORE_NOT_SET_UP */
export function besideFolder({ restore }: Pick<Restorable, 'restore'>, sourceId: SourceId): string {
  if (restore.clusters === undefined)
    throw new LifeboatError('RESTORE_NOT_SET_UP', { sourceId, missing: 'restore.clusters of the agent' })
  return join(restore.clusters, sourceId)
}

/** The data directory itself, also where it is only pointed at, and also while it is away. @throws LifeboatError RESTORE_NOT_SET_UP */
export async function ownDataDirectory({ source }: Pick<Restorable, 'source'>, sourceId: SourceId): Promise<string> {
  const { dataDirectory } = source
  if (dataDirectory === undefined)
    throw new LifeboatError('RESTORE_NOT_SET_UP', { sourceId, missing: 'restore.dataDirectory of the source' })
  for (let at = dataDirectory; ; ) {
    const link = await readlink(at).catch(() => undefined)
    if (link === undefined) return join(await realpath(dirname(at)), basename(at))
    at = resolve(dirname(at), link)
  }
}

/** @throws LifeboatError RESTORE_NOT_SET_UP */
export async function siteOf(
  of: Pick<Restorable, 'restore' | 'source'>,
  { place }: Pick<ClusterWish, 'place'>,
  about: { restoreId: RestoreId; sourceId: SourceId },
): Promise<Site> {
  if (place === 'beside') {
    const folder = besideFolder(of, about.sourceId)
    const where = { folder, dataDirectory: join(folder, 'data'), present: undefined }
    return { place, ...where, account: serverAccount() }
  }
  const dataDirectory = await ownDataDirectory(of, about.sourceId)
  const present = await presentCluster(dataDirectory)
  const folder = apartFolder(dataDirectory, about.restoreId)
  const account = present ? { uid: present.uid, gid: present.gid } : serverAccount()
  return { place, folder, dataDirectory, present, account }
}

/** Next to the data directory, on the same disk. */
export function apartFolder(dataDirectory: string, restoreId: RestoreId): string {
  return `${dataDirectory}_restoring_${restoreId.slice(-6)}`
}

/** Of the account alone. What an earlier life of the agent left there is removed. */
export async function emptyFolder(path: string, { uid, gid }: Account): Promise<string> {
  await rm(path, { recursive: true, force: true })
  await mkdir(path, { mode: 0o700 })
  if (process.getuid?.() === 0) await chown(path, uid, gid)
  return path
}

export function asidePath(dataDirectory: string, why: 'before' | 'reverted', atMs: number): string {
  return join(dirname(dataDirectory), asideName(basename(dataDirectory), why, atMs))
}

/** What stands beside is let go by a command, and not by another folder. */
export const BESIDE_ALREADY =
  'there is a cluster beside of this source already; `lifeboat restore release SOURCE --beside` removes it'
/** Longest path of a Unix socket. */
const SOCKET_PATH_BYTES = 103
const SOCKET_NAME = '/.s.PGSQL.65535'

/**
 * What of the place itself stands in the way.
 *
 * @param of the cluster that is to come
 */
export async function unfitOf(
  site: Site,
  wish: ClusterWish,
  of: { systemIdentifier: string; tablespaces: number },
): Promise<string[]> {
  if (site.place === 'beside') {
    const longest = Buffer.byteLength(site.folder + SOCKET_NAME)
    return [
      ...((await isThere(site.dataDirectory)) ? [BESIDE_ALREADY] : []),
      ...(longest > SOCKET_PATH_BYTES ? ['the path of `restore.clusters` is too long for a socket'] : []),
      ...(wish.port === undefined ? ['no port was named'] : []),
      ...(wish.port !== undefined && !(await isFree(wish.port)) ? [`port ${wish.port} is taken`] : []),
    ]
  }
  const { present, account } = site
  const uid = process.getuid?.()
  return [
    ...(of.tablespaces > 0 || (present?.tablespaces ?? 0) > 0
      ? ['it has tablespaces outside of its data directory: recover it beside, or with `lifeboat recover`']
      : []),
    ...(present?.isMount ? ['the data directory is a disk of its own, which cannot be renamed'] : []),
    ...(present && present.systemIdentifier !== of.systemIdentifier
      ? [
          `another cluster lies there (${present.systemIdentifier ?? 'none that can be read'}, not ${of.systemIdentifier})`,
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
