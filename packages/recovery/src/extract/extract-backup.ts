import { chown, mkdir, rename, rm, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import type { Account } from '@lifeboat/postgres/scratch/owner.ts'
import type { Artifact, Manifest, OfServer, PhysicalFacts } from '@lifeboat/shared/domain/manifest.ts'
import { orDiskFull } from '../disk-full.ts'
import type { OneOf, PartsInTurn } from '../fetch/parts-in-turn.ts'
import type { Reader } from '../fetch/reader.ts'
import { type ContentsApart, openParts, unsealApart } from '../fetch/unseal.ts'
import type { Extraction, ExtractJob } from './extract-job.ts'
import { type ExtractThread, openExtractThread } from './extract-thread.ts'
import { DEFAULT_TABLESPACE, type HollowFiles } from './hollow.ts'
import type { PlacingOptions } from './place-files.ts'
import { unreadable } from './tar-header.ts'
import { CONTROL, WITHHELD } from './withheld.ts'

/** A backup as a data directory. */
export interface Extracted {
  dataDir: string
  /** Where each tablespace lies now. */
  tablespaces: ReadonlyMap<string, string>
}

/** What came out of the archives. */
export interface Contents {
  files: number
  bytes: number
  /** Of these in files that were left hollow. */
  hollowBytes: number
}

/** Where a cluster is extracted to. */
export interface ExtractPlace {
  /** Made where it is missing; there must be no data in it. */
  folder: string
  account: Account
  /** Files nobody will read; default: all come out as they were. */
  hollow?: HollowFiles | undefined
  /** Whether it will have to survive a crash; default: it is a scratch cluster that nobody needs to be on the disk. */
  saved?: boolean | undefined
}

export type PhysicalManifest = Manifest & OfServer & { physical: PhysicalFacts }

/**
 * Fetches, decrypts and extracts a base or an incremental into a new folder: `data`, and `tablespaces/<oid>` beside it.
 *
 * `pg_control` gets its name last: what a killed extraction left cannot be started.
 *
 * @param ready a thread that was opened in good time; ended here, as is one of its own
 * @throws LifeboatError ARTIFACT_… | TARGET_… | RECOVERY_DISK_FULL
 */
export async function extractBackup(
  reader: Reader,
  manifest: PhysicalManifest,
  place: ExtractPlace,
  ready?: ExtractThread,
): Promise<Extracted & Contents> {
  await using thread = ready ?? openExtractThread()
  const listed = artifactNamed(manifest, ({ role }) => role === 'backup-manifest')
  try {
    await using parts = openParts(reader, [...archivesOf(manifest), { manifest, artifact: listed }])
    const by = { reader, thread, place, parts }
    const { archives, ...extracted } = await extractArchives(by, manifest, { over: false, followed: false })
    const { dataDir, tablespaces } = extracted
    for (const [oid, to] of tablespaces) await symlink(to, join(dataDir, 'pg_tblspc', oid))
    await extractOne(by, manifest, { artifact: listed, folder: dataDir, over: false, file: 'backup_manifest' })
    await rename(join(dataDir, WITHHELD), join(dataDir, CONTROL))
    return { ...extracted, ...contentsOf(archives) }
  } catch (thrown) {
    throw orDiskFull(thrown, place.folder)
  }
}

/** The old places of tablespaces, in the backup of a server for itself; ours are linked already, and the server would undo that. */
export async function forgetOldTablespaces({ dataDir }: Extracted): Promise<void> {
  await rm(join(dataDir, 'tablespace_map'), { force: true })
}

export interface Extracting {
  reader: Reader
  thread: ExtractThread
  place: ExtractPlace
  /** Of all artifacts that will be extracted, in that order. */
  parts: PartsInTurn | undefined
}

/** An archive of a backup and where it lies now. */
export interface ExtractedArchive extends Extraction {
  folder: string
}

/** All archives of one backup, `pg_control` withheld. @param at where in its chain it stands */
export async function extractArchives(
  by: Extracting,
  manifest: PhysicalManifest,
  at: Pick<PlacingOptions, 'over' | 'followed'>,
): Promise<Extracted & { archives: ExtractedArchive[] }> {
  const { folder, account, hollow } = by.place
  const dataDir = join(folder, 'data')
  const tablespaces = new Map(manifest.physical.tablespaces.map(({ oid }) => [oid, join(folder, 'tablespaces', oid)]))
  for (const each of [folder, dataDir, join(folder, 'tablespaces'), ...tablespaces.values()])
    await ownFolder(each, account)
  const archives: ExtractedArchive[] = []
  for (const { artifact, tablespace } of archivesOf(manifest)) {
    const folder = tablespaces.get(tablespace) ?? dataDir
    const placing = { folder, ...at, ...(hollow && { hollow: { ...hollow, tablespace } }) }
    archives.push({ ...(await extractOne(by, manifest, { artifact, ...placing })), folder })
  }
  return { dataDir, tablespaces, archives }
}

type Unpacking = Pick<ExtractJob, 'folder' | 'over' | 'followed' | 'file' | 'hollow'> & { artifact: Artifact }

function extractOne(
  { reader, thread, place: { account, saved }, parts }: Extracting,
  manifest: PhysicalManifest,
  { artifact, ...placing }: Unpacking,
): Promise<Extraction> {
  const job = { artifact: artifact.name, account, saved: saved === true, ...placing }
  const extract = (contents: ContentsApart) => thread.extract(job, contents, reader.run.signal)
  return unsealApart(reader, manifest, artifact, extract, { parts: parts?.of(artifact) })
}

export function contentsOf(archives: readonly Extraction[]): Contents {
  const sum = (of: keyof Contents) => archives.reduce((total, each) => total + each[of], 0)
  return { files: sum('files'), bytes: sum('bytes'), hollowBytes: sum('hollowBytes') }
}

/** An archive of a backup, and whose files it holds. */
interface Archived extends OneOf {
  tablespace: string
}

/** In the order in which they are extracted. */
export function archivesOf(manifest: PhysicalManifest): Archived[] {
  const outside = manifest.physical.tablespaces.map(({ oid: tablespace, artifact }) => ({
    ...{ manifest, tablespace },
    artifact: artifactNamed(manifest, ({ name }) => name === artifact),
  }))
  const base = artifactNamed(manifest, ({ role }) => role === 'base')
  return [{ manifest, artifact: base, tablespace: DEFAULT_TABLESPACE }, ...outside]
}

async function ownFolder(path: string, { uid, gid }: Account): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 })
  if (process.getuid?.() === 0) await chown(path, uid, gid)
}

function artifactNamed({ artifacts }: Manifest, is: (artifact: Artifact) => boolean): Artifact {
  const found = artifacts.find(is)
  if (!found) throw unreadable('the manifest lacks an artifact a physical backup must have', '')
  return found
}
