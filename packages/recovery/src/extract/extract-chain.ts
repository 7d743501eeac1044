import { readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { orDiskFull } from '../disk-full.ts'
import type { Reader } from '../fetch/reader.ts'
import { openParts } from '../fetch/unseal.ts'
import {
  archivesOf,
  type Contents,
  contentsOf,
  type Extracted,
  type ExtractedArchive,
  type ExtractPlace,
  extractArchives,
  extractBackup,
  type PhysicalManifest,
} from './extract-backup.ts'
import { type ExtractThread, openExtractThread } from './extract-thread.ts'
import { CONTROL, WITHHELD } from './withheld.ts'

/** What PostgreSQL refuses to start with, and pg_combinebackup takes out. */
const INCREMENTAL_LINES = /^INCREMENTAL FROM (LSN|TLI): .*\n/gm

/**
 * Brings back a full base and its incrementals into a new folder: the base as it is, then the changed pages of each incremental over it, so that
 * nothing unchanged is written twice and the chain needs no room of its own.
 *
 * Out comes what pg_combinebackup makes of the same backups, but without a `backup_manifest`: nobody hashed the files as they are now.
 *
 * @param chain oldest first
 * @param ready a thread that was opened in good time; ended here, as is one of its own
 * @throws LifeboatError ARTIFACT_… | TARGET_… | RECOVERY_DISK_FULL | RECOVERY_COMBINE_FAILED
 */
export async function extractChain(
  reader: Reader,
  chain: readonly [PhysicalManifest, ...PhysicalManifest[]],
  place: ExtractPlace,
  ready?: ExtractThread,
): Promise<Extracted & Contents> {
  if (chain.length === 1) return extractBackup(reader, chain[0], place, ready)
  await using thread = ready ?? openExtractThread()
  const all: ExtractedArchive[] = []
  let last: Awaited<ReturnType<typeof extractArchives>> | undefined
  try {
    await using parts = openParts(reader, chain.flatMap(archivesOf))
    for (const [index, manifest] of chain.entries()) {
      const at = { over: index > 0, followed: index + 1 < chain.length }
      last = await extractArchives({ reader, thread, place, parts }, manifest, at)
      all.push(...last.archives)
    }
    const { dataDir, tablespaces, archives } = last as NonNullable<typeof last>
    await removeGone(all, archives)
    await removeGoneTablespaces(place.folder, tablespaces)
    for (const [oid, to] of tablespaces) await symlink(to, join(dataDir, 'pg_tblspc', oid))
    await makeWhole(join(dataDir, 'backup_label'))
    await rename(join(dataDir, WITHHELD), join(dataDir, CONTROL))
    return { dataDir, tablespaces, ...contentsOf(all) }
  } catch (thrown) {
    throw orDiskFull(thrown, place.folder)
  }
}

/** What earlier backups had and the newest has no more: dropped tables. */
async function removeGone(all: readonly ExtractedArchive[], newest: readonly ExtractedArchive[]): Promise<void> {
  for (const { folder, names } of newest) {
    const gone = new Set(all.filter((each) => each.folder === folder).flatMap((each) => each.names))
    for (const kept of names) gone.delete(kept)
    for (const name of gone) await rm(join(folder, name), { recursive: true, force: true })
  }
}

async function removeGoneTablespaces(folder: string, kept: Extracted['tablespaces']): Promise<void> {
  const home = join(folder, 'tablespaces')
  for (const oid of await readdir(home)) if (!kept.has(oid)) await rm(join(home, oid), { recursive: true, force: true })
}

async function makeWhole(label: string): Promise<void> {
  const text = await readFile(label, 'utf8')
  await writeFile(label, text.replace(INCREMENTAL_LINES, ''))
}
