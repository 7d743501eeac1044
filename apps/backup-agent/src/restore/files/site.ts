import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { access, lstat, realpath, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { FilesSourceConfig } from '@lifeboat/files/source-config.ts'
import { startingPoints } from '@lifeboat/files/take/starting-points.ts'
import type { FilesSwap } from '@lifeboat/shared/domain/restore-files.ts'
import { mountsAt } from './mounts.ts'

/** Where a tree is put together, and what is there now. */
export interface TreeSite {
  /** As configured: where everybody looks. */
  root: string
  swap: FilesSwap
  /** Where root leads; root itself where it leads nowhere. */
  real: string
  /** Where the tree is put together: on the disk of its place, and not there yet. */
  folder: string
  /** Of a root that is a link: the one to the new folder, before it takes its place. */
  link?: string
}

/** Behind the name of a folder a link was pointed to by a restore. */
const RESTORED = /_restored_[0-9a-f]{6}$/

/** Each life of the agent takes another folder: a hook of an earlier one may still be at work in its own. */
export async function siteOf(files: FilesSourceConfig): Promise<TreeSite> {
  const root = files.root.replace(/(.)\/+$/, '$1')
  const id = randomBytes(3).toString('hex')
  const real = await realpath(root).catch(() => root)
  if (isInParts(files)) return { root, swap: 'parts', real, folder: join(real, `.lifeboat_restoring_${id}`) }
  const isLink = await lstat(root).then(
    (found) => found.isSymbolicLink() && real !== root,
    () => false,
  )
  if (!isLink) return { root, swap: 'folder', real: root, folder: `${root}_restoring_${id}` }
  // It stays where it is put together, and the next one is not to add to its name.
  return {
    root,
    swap: 'link',
    real,
    link: `${root}_restoring_${id}`,
    folder: `${real.replace(RESTORED, '')}_restored_${id}`,
  }
}

/** Whether only some of what is below root is backed up by name. */
function isInParts({ include }: Pick<FilesSourceConfig, 'include'>): boolean {
  return (
    include.length > 0 && include.every((pattern) => pattern.split('/').some((step) => step !== '' && step !== '.'))
  )
}

/** What of the place itself stands in the way, before anything is fetched. */
export async function unfitOf(site: TreeSite, { include }: Pick<FilesSourceConfig, 'include'>): Promise<string[]> {
  const { root, swap, real, folder } = site
  const found = await stat(root).catch(() => undefined)
  if (found && !found.isDirectory()) return [`${root} is no folder`]
  if (swap === 'parts') {
    if (!found) return [`${root} is not there: make it, since its owner and mode are in no backup`]
    const points = await startingPoints(root, include)
    return placesUnfit(
      points.map((point) => join(real, point.toString())),
      folder,
    )
  }
  // Behind a link: what is mounted there would be missing in the tree that takes its place.
  const mounts = swap === 'link' ? await mountsAt(real) : []
  const inside = mounts.map((mount) => `${mount} is mounted: what is mounted does not come along to the new tree`)
  return [...inside, ...(await placesUnfit([root], folder, swap))]
}

/** Which of these places cannot be renamed to or from. */
export async function placesUnfit(
  places: readonly string[],
  folder: string,
  swap: FilesSwap = 'parts',
): Promise<string[]> {
  const disk = await stat(dirname(folder)).catch(() => undefined)
  const problems: string[] = []
  const seen = new Set<string>()
  for (const place of places) {
    if (swap !== 'link')
      for (const mount of await mountsAt(place)) problems.push(`${mount} is mounted: what is mounted cannot be renamed`)
    if (seen.has(dirname(place))) continue
    seen.add(dirname(place))
    problems.push(...(await folderUnfit(dirname(place), swap === 'link' ? undefined : disk?.dev)))
  }
  if (!seen.has(dirname(folder))) problems.push(...(await folderUnfit(dirname(folder), undefined)))
  return problems
}

async function folderUnfit(folder: string, device: number | undefined): Promise<string[]> {
  const found = await stat(folder).catch(() => undefined)
  if (!found?.isDirectory()) return [`${folder} is not there`]
  if (device !== undefined && found.dev !== device) return [`${folder} is on another disk`]
  return access(folder, constants.W_OK | constants.X_OK).then(
    () => [],
    () => [`the account of the agent may not change what is in ${folder}`],
  )
}
