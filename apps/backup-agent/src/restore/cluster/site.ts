import { chown, mkdir, readlink, realpath, rm, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { type Account, serverAccount } from '@lifeboat/postgres/scratch/owner.ts'
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
  /** For a look: where a cluster beside of the source may be already. */
  besides: string[]
  account: Account
}

/** Whether it gets a server of its own first, for a look. */
export function standsBeside({ place, pause }: Pick<ClusterWish, 'place' | 'pause'>): boolean {
  return place === 'beside' || pause === true
}

/** The folder of the cluster beside of a source. @throws LifeboatError RESTORE_NOT_SET_UP */
export function besideFolder({ restore }: Pick<Restorable, 'restore'>, sourceId: SourceId): string {
  if (restore.clusters === undefined)
    throw new LifeboatError('RESTORE_NOT_SET_UP', { sourceId, missing: 'restore.clusters of the agent' })
  return join(restore.clusters, sourceId)
}

/** Where a cluster stands for a look that is to have the place of a data directory: next to it, on the same disk. */
export function waitingFolder(dataDirectory: string): string {
  return `${dataDirectory}_beside`
}

/** Where the cluster beside of a source may be; there is one at most. */
export async function besideFolders(of: Pick<Restorable, 'restore' | 'source'>, sourceId: SourceId): Promise<string[]> {
  return [
    ...(of.restore.clusters === undefined ? [] : [besideFolder(of, sourceId)]),
    // What is next to it cannot be there without its folder.
    ...(of.source.dataDirectory !== undefined && (await isThere(dirname(of.source.dataDirectory)))
      ? [waitingFolder(await ownDataDirectory(of, sourceId))]
      : []),
  ]
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
  wish: Pick<ClusterWish, 'place' | 'pause'>,
  about: { restoreId: RestoreId; sourceId: SourceId },
): Promise<Site> {
  const { place } = wish
  const besides = standsBeside(wish) ? await besideFolders(of, about.sourceId) : []
  if (place === 'beside') {
    const folder = besideFolder(of, about.sourceId)
    const where = { folder, dataDirectory: join(folder, 'data'), present: undefined, besides }
    return { place, ...where, account: serverAccount() }
  }
  const dataDirectory = await ownDataDirectory(of, about.sourceId)
  const present = await presentCluster(dataDirectory)
  const folder = standsBeside(wish) ? waitingFolder(dataDirectory) : apartFolder(dataDirectory, about.restoreId)
  const account = present ? { uid: present.uid, gid: present.gid } : serverAccount()
  return { place, folder, dataDirectory, present, besides, account }
}

/** Whose files it is made of. */
export async function ownerOf(dataDirectory: string): Promise<Account> {
  const { uid, gid } = await stat(dataDirectory)
  return { uid, gid }
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
