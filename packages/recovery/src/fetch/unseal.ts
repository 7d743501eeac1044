import { runPipeline, runPipelineApart, type Sink } from '@lifeboat/postgres/pipeline/run-pipeline.ts'
import { secretFile } from '@lifeboat/postgres/pipeline/secret-file.ts'
import { unage } from '@lifeboat/postgres/tools/age.ts'
import type { Stage } from '@lifeboat/postgres/tools/stage.ts'
import { unzstd } from '@lifeboat/postgres/tools/zstd.ts'
import { decrypted } from '@lifeboat/shared/age/decrypt.ts'
import { x25519Identities } from '@lifeboat/shared/age/identities.ts'
import type { Artifact, Manifest } from '@lifeboat/shared/domain/manifest.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Phase } from '@lifeboat/shared/run/run.ts'
import { orProgramsDiskFull } from '../disk-full.ts'
import { decompressed } from '../extract/decompress.ts'
import { fetchArtifact, fetchParts } from './fetch-artifact.ts'
import { findOnce } from './find-once.ts'
import { isCompressed } from './is-compressed.ts'
import { type OneOf, type PartsInTurn, partsInTurn } from './parts-in-turn.ts'
import type { Reader } from './reader.ts'

/** What becomes of an artifact's contents. */
export interface Unsealing<T> {
  /** Programs after decryption and decompression, e.g. pg_restore. */
  further?: readonly Stage[]
  sink: Sink<T>
  /** Name of the progress; default `fetch`. */
  phase?: Phase
}

/**
 * Fetches an artifact and runs it through `age -d`, `zstd -d` where it was compressed, and whatever is to take its contents.
 *
 * @throws LifeboatError ARTIFACT_KEY_WRONG | ARTIFACT_UNREADABLE | ARTIFACT_TRUNCATED | DRILL_RESTORE_FAILED (a further program refused) | those of fetchArtifact
 */
export async function unseal<T>(
  reader: Reader,
  owner: Pick<Manifest, 'sourceId' | 'backupId'>,
  artifact: Artifact,
  to: Unsealing<T>,
): Promise<T> {
  const zstd = isCompressed(artifact) ? await findOnce('zstd', reader) : undefined
  const further = [...(zstd ? [unzstd({ program: zstd.path })] : []), ...(to.further ?? [])]
  return decrypt(reader, owner, artifact, to.phase, async (unage, input) => {
    return (await runPipeline([unage, ...further], to.sink, reader.run, { input })).result
  })
}

/**
 * The text of an artifact that fits into memory. Programs are started only where the age program is to decrypt, or the identity is one that only it understands: for a
 * few kilobytes starting them is all the time it takes.
 *
 * @throws LifeboatError those of unseal
 */
export async function unsealText(
  reader: Reader,
  owner: Pick<Manifest, 'sourceId' | 'backupId'>,
  artifact: Artifact,
): Promise<string> {
  const identities = ownIdentities(reader)
  if (identities === undefined) return unseal(reader, owner, artifact, { sink: whole })
  const sealed = fetchArtifact(reader, owner, artifact, progressOf(reader, artifact))
  const contents = decrypted(sealed, identities, artifact.name)
  try {
    return await whole(isCompressed(artifact) ? decompressed(contents, artifact.name) : contents)
  } catch (thrown) {
    reader.run.signal.throwIfAborted()
    throw thrown
  }
}

/** What a thread needs to get at the contents of an artifact by itself: its parts and the key, or a pipe it comes out of decrypted. */
export type ContentsApart = { parts: AsyncIterable<string>; identity: string } | { fd: number }

/**
 * Fetches an artifact for a sink in another thread, which decrypts and decompresses by itself. Where the identity is one only the age program
 * understands, or the reader is to use that program, it decrypts into a pipe.
 *
 * @param how.parts of this artifact, by `openParts`; default: they are fetched from now on
 * @throws LifeboatError those of unseal; what the sink throws
 */
export async function unsealApart<T>(
  reader: Reader,
  owner: Pick<Manifest, 'sourceId' | 'backupId'>,
  artifact: Artifact,
  sink: (contents: ContentsApart) => Promise<T>,
  { phase, parts }: { phase?: Phase | undefined; parts?: AsyncIterable<string> | undefined } = {},
): Promise<T> {
  if (ownIdentities(reader) !== undefined)
    return sink({
      identity: reader.identity.reveal(),
      parts: parts ?? fetchParts(reader, owner, artifact, progressOf(reader, artifact, phase)),
    })
  return decrypt(reader, owner, artifact, phase, async (unage, input) => {
    return (await runPipelineApart([unage], (fd) => sink({ fd }), reader.run, { input })).result
  })
}

/**
 * The parts of artifacts for `unsealApart`, which takes these one after the other; the first part of the next is fetched while the last of one is worked on.
 *
 * @returns undefined where the age program decrypts: then an artifact is fetched when its turn comes
 */
export function openParts(reader: Reader, wanted: readonly OneOf[]): PartsInTurn | undefined {
  if (ownIdentities(reader) === undefined) return undefined
  return partsInTurn(reader, wanted, (artifact) => progressOf(reader, artifact))
}

/** undefined where the age program decrypts. */
export function ownIdentities({ identity, byProgram }: Reader): ReturnType<typeof x25519Identities> {
  return byProgram ? undefined : x25519Identities(identity.reveal())
}

async function decrypt<T>(
  reader: Reader,
  owner: Pick<Manifest, 'sourceId' | 'backupId'>,
  artifact: Artifact,
  phase: Phase | undefined,
  pipe: (unage: Stage, input: AsyncIterable<Uint8Array>) => Promise<T>,
): Promise<T> {
  const { run } = reader
  const { path: program } = await findOnce('age', reader)
  using identity = secretFile(reader.identity)
  const input = fetchArtifact(reader, owner, artifact, progressOf(reader, artifact, phase))
  try {
    return await pipe(unage({ program, identity: identity.fd }), input)
  } catch (thrown) {
    run.signal.throwIfAborted()
    throw blame(LifeboatError.from(thrown), artifact)
  }
}

function progressOf({ run }: Reader, { bytes: total }: Artifact, phase: Phase = 'fetch'): (bytes: number) => void {
  let done = 0
  return (bytes) => {
    done += bytes
    run.report({ phase, done, total, unit: 'bytes' })
  }
}

/** Which program refused decides what its refusal means. */
function blame(err: LifeboatError, { name: artifact }: Artifact): LifeboatError {
  const { tool, stderr = '' } = err.facts as { tool?: string; stderr?: string }
  const facts = { artifact, ...err.facts }
  // The out-of-memory killer says nothing about the copy, nor does a program that is not there.
  if (tool === undefined || err.code === 'TOOL_MISSING' || err.code === 'TOOL_KILLED') return err
  // Nor does a disk without room, the server's or ours.
  if (err.code === 'SOURCE_DISK_FULL') return err
  const full = orProgramsDiskFull(err)
  if (full !== err) return full
  if (tool === 'age' && stderr.includes('no identity matched'))
    return new LifeboatError('ARTIFACT_KEY_WRONG', facts, { cause: err })
  if (tool === 'age' || tool === 'zstd') return new LifeboatError('ARTIFACT_UNREADABLE', facts, { cause: err })
  if (/unexpected end of file|end of file/.test(stderr))
    return new LifeboatError('ARTIFACT_TRUNCATED', facts, { cause: err })
  return new LifeboatError('DRILL_RESTORE_FAILED', facts, { cause: err })
}

/** The sink for what fits into memory; a chunk may be used again once the next is asked for. */
export async function whole(bytes: AsyncIterable<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
  let text = ''
  for await (const chunk of bytes) text += decoder.decode(chunk, { stream: true })
  return text + decoder.decode()
}
