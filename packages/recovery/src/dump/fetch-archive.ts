import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Account } from '@lifeboat/postgres/scratch/owner.ts'
import type { Artifact, Manifest } from '@lifeboat/shared/domain/manifest.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Grown } from '../extract/extract-answer.ts'
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
  /** What is in the file so far. */
  readonly grown: Grown & { isWhole: boolean }
  /** There is more in the file, or all of it. @throws what broke the fetching */
  more(): Promise<void>
  /** All of it is in the file. @throws what broke the fetching: ARTIFACT_… | TARGET_… | RECOVERY_DISK_FULL · the reason of the reader's signal */
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
  const growth = followGrowth()
  const fetching = fetchFile({ ...reader, run: { ...reader.run, signal } }, manifest, 'fetch', growth.onGrown)
  // Who waits for it is told.
  fetching.then(growth.end, growth.fail)
  const path = join(reader.workDir, FILE)
  let removing: Promise<void> | undefined
  const remove = () => {
    over.abort()
    removing ??= fetching.catch(() => {}).then(() => rm(path, { force: true }))
    return removing
  }
  return {
    path,
    get grown() {
      return growth.grown
    },
    more: growth.more,
    async listed() {
      while (growth.grown.bytes === 0 && !growth.grown.isWhole) await growth.more()
    },
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

function followGrowth() {
  let grown: ComingArchive['grown'] = { bytes: 0, block: undefined, isWhole: false }
  let next = Promise.withResolvers<void>()
  const tell = (now: typeof grown) => {
    grown = now
    next.resolve()
    if (!now.isWhole) next = Promise.withResolvers<void>()
  }
  return {
    get grown() {
      return grown
    },
    more: () => next.promise,
    onGrown: (now: Grown) => tell({ ...now, isWhole: false }),
    end: () => tell({ ...grown, isWhole: true }),
    fail(thrown: unknown) {
      next.promise.catch(() => {})
      next.reject(thrown)
    },
  }
}

async function fetchFile(
  reader: Reader,
  manifest: Manifest,
  phase: string,
  onGrown: (grown: Grown) => void,
): Promise<void> {
  const artifact = databaseOf(manifest)
  const placing = { folder: reader.workDir, account: ourselves(), over: false }
  const job = { ...placing, artifact: artifact.name, file: FILE, dump: true, onGrown }
  await using thread = openExtractThread()
  const extract = (contents: ContentsApart) => thread.extract(job, contents, reader.run.signal)
  await unsealApart(reader, manifest, artifact, extract, { phase })
}

function ourselves(): Account {
  return { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }
}
