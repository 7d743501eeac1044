import { createReadStream } from 'node:fs'
import { mkdir, open, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { BackupId, SourceId } from '@lifeboat/shared/domain/ids.ts'
import { inSpool, PARTIAL, renameDurably } from '../spool/files.ts'

/** Where plain manifests of earlier backups wait for the next incremental; names and checksums of files, no secret. */
export interface ManifestShelf {
  /** Writes one down for good: with its name it is whole and on the disk. */
  keep(backupId: BackupId, bytes: AsyncIterable<Uint8Array>): Promise<void>
  read(backupId: BackupId): AsyncIterable<Uint8Array>
  /** Those that say of which cluster they are (PostgreSQL 17 on). */
  known(): Promise<Map<BackupId, { systemIdentifier: string }>>
  /** Takes all but the newest away. */
  prune(keep: number): Promise<void>
  remove(backupId: BackupId): Promise<void>
}

const SUFFIX = '.backup_manifest'
/** The identifier stands in its second line. */
const HEAD_BYTES = 512

/** The shelf of one source, beside the backups of the spool. */
export async function manifestShelf(spoolPath: string, source: SourceId): Promise<ManifestShelf> {
  const folder = join(spoolPath, 'parents', source)
  await inSpool(() => mkdir(folder, { recursive: true, mode: 0o700 }))
  const pathOf = (backupId: BackupId) => join(folder, backupId + SUFFIX)
  const kept = async () =>
    (await readdir(folder)).filter((name) => name.endsWith(SUFFIX)).map((name) => name.slice(0, -SUFFIX.length))
  return {
    async keep(backupId, bytes) {
      await inSpool(() => writeStream(pathOf(backupId), bytes))
    },
    // Opened by whoever reads: a stream nobody reads would keep its file open.
    async *read(backupId) {
      yield* createReadStream(pathOf(backupId))
    },
    async known() {
      const known = new Map<BackupId, { systemIdentifier: string }>()
      for (const backupId of (await kept()) as BackupId[]) {
        const [, systemIdentifier] = /"System-Identifier":\s*(\d+)/.exec(await headOf(pathOf(backupId))) ?? []
        if (systemIdentifier !== undefined) known.set(backupId, { systemIdentifier })
      }
      return known
    },
    async prune(keep) {
      const old = (await kept()).toSorted().slice(0, -keep || undefined) as BackupId[]
      const unfinished = (await readdir(folder)).filter((name) => name.endsWith(PARTIAL))
      for (const path of [...old.map(pathOf), ...unfinished.map((name) => join(folder, name))])
        await rm(path, { force: true })
    },
    remove: (backupId) => rm(pathOf(backupId), { force: true }),
  }
}

async function writeStream(path: string, bytes: AsyncIterable<Uint8Array>): Promise<void> {
  const partial = path + PARTIAL
  const handle = await open(partial, 'w', 0o600)
  try {
    for await (const chunk of bytes) await handle.writeFile(chunk)
    await handle.sync()
  } catch (err) {
    await rm(partial, { force: true })
    throw err
  } finally {
    await handle.close()
  }
  await renameDurably(partial, path)
}

async function headOf(path: string): Promise<string> {
  const handle = await open(path, 'r')
  try {
    const { buffer, bytesRead } = await handle.read({ buffer: Buffer.alloc(HEAD_BYTES), position: 0 })
    return buffer.toString('utf8', 0, bytesRead)
  } finally {
    await handle.close()
  }
}
