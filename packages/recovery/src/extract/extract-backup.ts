import { chown, mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createZstdDecompress } from 'node:zlib'
import type { Account } from '@lifeboat/postgres/scratch/owner.ts'
import type { Artifact, Manifest, OfServer, PhysicalFacts } from '@lifeboat/shared/domain/manifest.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Reader } from '../fetch/reader.ts'
import { unseal } from '../fetch/unseal.ts'
import { FilePlacement } from './place-files.ts'
import { unreadable } from './tar-header.ts'
import { untar } from './untar.ts'

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
}

export type PhysicalManifest = Manifest & OfServer & { physical: PhysicalFacts }

/** Chunks the decompressor takes and gives: each is one turn to another thread and back, so few large ones. */
const CHUNK_BYTES = 1024 * 1024
const CONTROL = 'global/pg_control'
const WITHHELD = `${CONTROL}.withheld`

/**
 * Fetches, decrypts and extracts a base or an incremental into a new folder: `data`, and `tablespaces/<oid>` beside it.
 *
 * `pg_control` gets its name last: what a killed extraction left cannot be started.
 *
 * @param folder made where it is missing; there must be no data in it
 * @throws LifeboatError ARTIFACT_… | TARGET_… | RECOVERY_NO_ROOM
 */
export async function extractBackup(
  reader: Reader,
  manifest: PhysicalManifest,
  { folder, account }: { folder: string; account: Account },
): Promise<Extracted & Contents> {
  const dataDir = join(folder, 'data')
  const tablespaces = new Map(manifest.physical.tablespaces.map(({ oid }) => [oid, join(folder, 'tablespaces', oid)]))
  for (const each of [folder, dataDir, join(folder, 'tablespaces'), ...tablespaces.values()])
    await ownFolder(each, account)
  const archives = [
    { artifact: artifactNamed(manifest, ({ role }) => role === 'base'), into: dataDir },
    ...manifest.physical.tablespaces.map(({ oid, artifact }) => {
      return {
        artifact: artifactNamed(manifest, ({ name }) => name === artifact),
        into: tablespaces.get(oid) as string,
      }
    }),
  ]
  const contents: Contents = { files: 0, bytes: 0 }
  try {
    for (const { artifact, into } of archives) {
      const { members, bytes } = await extractArtifact(reader, manifest, artifact, into, account)
      contents.files += members
      contents.bytes += bytes
    }
    for (const [oid, place] of tablespaces) await symlink(place, join(dataDir, 'pg_tblspc', oid))
    const listed = artifactNamed(manifest, ({ role }) => role === 'backup-manifest')
    await unseal(reader, manifest, listed, { sink: (bytes) => writeFile(join(dataDir, 'backup_manifest'), bytes) })
    await rename(join(dataDir, WITHHELD), join(dataDir, CONTROL))
  } catch (thrown) {
    throw translate(thrown, folder)
  }
  return { dataDir, tablespaces, ...contents }
}

/** The old places of tablespaces, in the backup of a server for itself; ours are linked already, and the server would undo that. */
export async function forgetOldTablespaces({ dataDir }: Extracted): Promise<void> {
  await rm(join(dataDir, 'tablespace_map'), { force: true })
}

function extractArtifact(reader: Reader, of: Manifest, artifact: Artifact, folder: string, account: Account) {
  return unseal(reader, of, artifact, {
    keepCompressed: true,
    async sink(bytes) {
      await using placement = new FilePlacement({
        folder,
        account,
        rename: (name) => (name === CONTROL ? WITHHELD : name),
      })
      const contents = await untar(decompressed(bytes, artifact), placement)
      await placement.finish()
      return contents
    },
  })
}

/** In this process, so that raw bytes cross no pipe. */
async function* decompressed(bytes: AsyncIterable<Uint8Array>, { name: artifact }: Artifact): AsyncGenerator<Buffer> {
  const zstd = createZstdDecompress({ chunkSize: CHUNK_BYTES })
  let fed = 0
  const counted = async function* () {
    for await (const chunk of inLargeChunks(bytes)) {
      fed += chunk.byteLength
      yield chunk
    }
  }
  const feeding = pipeline(counted, zstd)
  // What breaks the feeding breaks the reading too.
  feeding.catch(() => {})
  try {
    for await (const chunk of zstd) yield chunk as Buffer
    await feeding
  } catch (thrown) {
    throw saysUndecodable(thrown) ? unreadable(`zstd: ${String(thrown)}`, artifact) : thrown
  }
  // The decompressor stops after one frame without a word.
  if (zstd.bytesWritten !== fed) throw unreadable('something follows its compressed contents', artifact)
}

/** What comes from a program comes in 64 KiB. */
async function* inLargeChunks(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let waiting: Uint8Array[] = []
  let size = 0
  for await (const chunk of bytes) {
    waiting.push(chunk)
    size += chunk.byteLength
    if (size < CHUNK_BYTES) continue
    yield Buffer.concat(waiting)
    waiting = []
    size = 0
  }
  if (size > 0) yield Buffer.concat(waiting)
}

function saysUndecodable(thrown: unknown): boolean {
  return /^(ZSTD|Z)_/.test(String((thrown as NodeJS.ErrnoException).code))
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

function translate(thrown: unknown, path: string): unknown {
  const full = (thrown as NodeJS.ErrnoException).code === 'ENOSPC'
  return full ? new LifeboatError('RECOVERY_NO_ROOM', { path, problem: 'the disk is full' }, { cause: thrown }) : thrown
}
