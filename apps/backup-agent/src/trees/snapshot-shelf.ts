import { createHash } from 'node:crypto'
import { copyFile, mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { FilesSourceConfig } from '@lifeboat/files/source-config.ts'
import type { BackupId, SourceId } from '@lifeboat/shared/domain/ids.ts'
import { inSpool, PARTIAL, renameDurably, unlessAbsent, writeDurably } from '../spool/files.ts'

/** Where tar's snapshots of earlier backups wait for the next one; names and times of files, no contents. */
export interface SnapshotShelf {
  /** The snapshot a new backup works with: that of its parent, copied, or none. @returns its path */
  draft(backupId: BackupId, parent: BackupId | undefined): Promise<string>
  /** Keeps the draft for good, with a digest of the tree where one was taken. */
  keep(backupId: BackupId, selection: string, digest?: string): Promise<void>
  /** The digest kept with a backup, of the tree as it was right before. */
  digestOf(backupId: BackupId): Promise<string | undefined>
  newestDigest(): Promise<string | undefined>
  /** Those that are here, with the selection each was made for. */
  known(): Promise<Map<BackupId, string>>
  /** Takes all but the newest away, and drafts nobody works with. */
  prune(keep: number): Promise<void>
}

const SNAPSHOT = '.snar'
const SELECTION = '.selection'
const DIGEST = '.digest'

/** The shelf of one source, beside the backups of the spool. */
export async function snapshotShelf(spoolPath: string, source: SourceId): Promise<SnapshotShelf> {
  const folder = join(spoolPath, 'parents', source)
  await inSpool(() => mkdir(folder, { recursive: true, mode: 0o700 }))
  const pathOf = (backupId: string, suffix: string) => join(folder, backupId + suffix)
  const kept = async () =>
    (await readdir(folder)).filter((name) => name.endsWith(SELECTION)).map((name) => name.slice(0, -SELECTION.length))
  const digestOf = (backupId: string) =>
    unlessAbsent(pathOf(backupId, DIGEST), readFile(pathOf(backupId, DIGEST), 'utf8'))
  return {
    async draft(backupId, parent) {
      const path = pathOf(backupId, SNAPSHOT + PARTIAL)
      await rm(path, { force: true })
      if (parent) await inSpool(() => copyFile(pathOf(parent, SNAPSHOT), path))
      return path
    },
    async keep(backupId, selection, digest) {
      await inSpool(() => renameDurably(pathOf(backupId, SNAPSHOT + PARTIAL), pathOf(backupId, SNAPSHOT)))
      if (digest !== undefined) await writeDurably(pathOf(backupId, DIGEST), digest)
      await writeDurably(pathOf(backupId, SELECTION), selection)
    },
    digestOf,
    async newestDigest() {
      const newest = (await kept()).toSorted().at(-1)
      return newest === undefined ? undefined : digestOf(newest)
    },
    async known() {
      const all = (await kept()).map(
        async (id) => [id as BackupId, await readFile(pathOf(id, SELECTION), 'utf8')] as const,
      )
      return new Map(await Promise.all(all))
    },
    async prune(keep) {
      const old = new Set((await kept()).toSorted().slice(0, -keep || undefined))
      for (const name of await readdir(folder)) {
        const [, id = '', suffix] = /^(.*?)(\.snar|\.selection|\.digest)(\.partial)?$/.exec(name) ?? []
        const unfinished = name.endsWith(PARTIAL) && !old.has(id)
        if (suffix !== undefined && (old.has(id) || unfinished)) await rm(join(folder, name), { force: true })
      }
    },
  }
}

/** What is taken of which tree: an incremental with another answer would be of another tree. */
export function selectionOf(source: FilesSourceConfig, points: readonly Buffer[]): string {
  const { root, exclude, oneFilesystem, maxFileBytes } = source
  const what = JSON.stringify({ root, exclude, oneFilesystem, maxFileBytes })
  return createHash('sha256')
    .update(what)
    .update(Buffer.concat(points.flatMap((each) => [each, Buffer.alloc(1)])))
    .digest('hex')
}
