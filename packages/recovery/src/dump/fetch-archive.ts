import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Account } from '@lifeboat/postgres/scratch/owner.ts'
import type { Artifact, Manifest } from '@lifeboat/shared/domain/manifest.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { openExtractThread } from '../extract/extract-thread.ts'
import type { Reader } from '../fetch/reader.ts'
import { type ContentsApart, unsealApart } from '../fetch/unseal.ts'
import { artifactOf } from './open-dump.ts'

const FILE = 'archive'

/** A dump that is being fetched while other work goes on. Disposing ends that, and removes the file. */
export interface ComingArchive extends AsyncDisposable {
  readonly path: string
  /** Its table of contents is in the file, and pg_restore can be asked for it. @throws what broke the fetching */
  listed(): Promise<void>
  /** All of it is in the file. @throws what broke the fetching: ARTIFACT_… | TARGET_… | RECOVERY_NO_ROOM · the reason of the reader's signal */
  whole(): Promise<void>
  /** What disposing does, once. */
  remove(): Promise<void>
}

/** The archive, decrypted and decompressed, as a file in the reader's folder: parallel jobs want to seek. The caller removes it. */
export async function fetchArchive(reader: Reader, manifest: Manifest, phase: string): Promise<string> {
  await fetchFile(reader, manifest, phase, () => {})
  return join(reader.workDir, FILE)
}

/** The same beside other work of the caller, which is told as soon as there is something to work with. */
export function beginArchive(reader: Reader, manifest: Manifest): ComingArchive {
  const over = new AbortController()
  const signal = AbortSignal.any([reader.run.signal, over.signal])
  const { promise: listed, resolve } = Promise.withResolvers<void>()
  const fetching = fetchFile({ ...reader, run: { ...reader.run, signal } }, manifest, 'fetch', resolve)
  // Told to whoever waits for it, if anybody does.
  fetching.catch(() => {})
  const path = join(reader.workDir, FILE)
  let removing: Promise<void> | undefined
  const remove = () => {
    over.abort()
    removing ??= fetching.catch(() => {}).then(() => rm(path, { force: true }))
    return removing
  }
  return {
    path,
    listed: () => Promise.race([listed, fetching]),
    whole: () => fetching,
    remove,
    [Symbol.asyncDispose]: remove,
  }
}

export function databaseOf(manifest: Manifest): Artifact {
  const artifact = artifactOf(manifest, 'database')
  if (!artifact) throw new LifeboatError('ARTIFACT_PART_MISSING', { problem: 'the manifest lists no database' })
  return artifact
}

async function fetchFile(reader: Reader, manifest: Manifest, phase: string, onListed: () => void): Promise<void> {
  const artifact = databaseOf(manifest)
  const placing = { folder: reader.workDir, account: ourselves(), over: false }
  const job = { ...placing, artifact: artifact.name, file: FILE, dump: true, onListed }
  await using thread = openExtractThread()
  const extract = (contents: ContentsApart) => thread.extract(job, contents, reader.run.signal)
  await unsealApart(reader, manifest, artifact, extract, { phase })
}

function ourselves(): Account {
  return { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }
}
