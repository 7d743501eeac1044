import { createHash } from 'node:crypto'
import { addAbortListener } from 'node:events'
import { createReadStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { partKey } from '@lifeboat/shared/domain/keys.ts'
import type { Artifact, Manifest, Part } from '@lifeboat/shared/domain/manifest.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { orDiskFull } from '../disk-full.ts'
import { givingBack } from './giving-back.ts'
import { inBlocks } from './in-blocks.ts'
import type { Reader } from './reader.ts'
import { writeBlocks } from './write-blocks.ts'

/** Given at once: worth a turn, and more than a pipe takes without telling when it has read it. */
const BLOCK_BYTES = 1024 * 1024
const READ_BYTES = 256 * 1024

export type Fetcher = Pick<Reader, 'target' | 'run' | 'workDir' | 'arrived' | 'spent'>
type Owner = Pick<Manifest, 'sourceId' | 'backupId'>

/**
 * The bytes of one artifact in order, those of `fetchParts`; that they are the whole artifact's is compared once more at the end.
 *
 * In blocks whose memory is used again: one is good until the next but one is asked for.
 *
 * @throws LifeboatError those of fetchParts
 */
export async function* fetchArtifact(
  fetcher: Fetcher,
  owner: Owner,
  artifact: Artifact,
  report: (bytes: number) => void,
): AsyncGenerator<Buffer, void, undefined> {
  const whole = createHash('sha256')
  const parts = fetchParts(fetcher, owner, artifact, report)
  for await (const block of inBlocks(givingBack(chunksOf(parts)), BLOCK_BYTES)) {
    whole.update(block)
    yield block
  }
  const found = whole.digest('hex')
  if (found !== artifact.sha256)
    throw new LifeboatError('ARTIFACT_DIGEST_MISMATCH', { artifact: artifact.name, expected: artifact.sha256, found })
}

async function* chunksOf(files: AsyncIterable<string>): AsyncGenerator<Buffer> {
  for await (const file of files) yield* createReadStream(file, { highWaterMark: READ_BYTES }) as AsyncIterable<Buffer>
}

/**
 * The parts of one artifact in order, as files. A part is fetched to disk and its digest compared before it is given on, so that nothing ever
 * works on bytes nobody signed; the next part is fetched meanwhile. A file is gone when the next one is asked for, so two parts lie on the disk,
 * whatever the size of the artifact.
 *
 * Number, order and digests of the parts are signed. What follows from them, the digest of the whole, is not computed anew.
 *
 * @param report told the bytes of each part that was found good
 * @throws LifeboatError ARTIFACT_DIGEST_MISMATCH | ARTIFACT_TRUNCATED | ARTIFACT_PART_MISSING | RECOVERY_DISK_FULL | TARGET_…
 */
export async function* fetchParts(
  fetcher: Fetcher,
  owner: Owner,
  artifact: Artifact,
  report: (bytes: number) => void,
): AsyncGenerator<string, void, undefined> {
  yield* fetchInTurn(fetcher, [{ owner, artifact, report }])
}

/** One artifact of several. */
export interface Fetching {
  owner: Owner
  artifact: Artifact
  /** Told the bytes of each part that was found good. */
  report: (bytes: number) => void
}

/** The same for several artifacts: behind the last part of one comes the first of the next, which is fetched meanwhile like any other. */
export async function* fetchInTurn(
  fetcher: Fetcher,
  wanted: readonly Fetching[],
): AsyncGenerator<string, void, undefined> {
  for (const { artifact } of wanted) demandAll(artifact)
  const pieces = wanted.flatMap((of) => of.artifact.parts.map((part) => ({ ...of, part })))
  const fetch = (piece: (typeof pieces)[number] | undefined) => {
    const coming = piece && fetchPart(fetcher, piece.owner, piece.artifact, piece.part)
    // Awaited when its turn comes; a failure until then must not count as unhandled.
    coming?.catch(() => {})
    return coming
  }
  let coming = fetch(pieces[0])
  try {
    for (const [index, { part, report }] of pieces.entries()) {
      const file = (await coming) as string
      report(part.bytes)
      coming = fetch(pieces[index + 1])
      try {
        yield file
      } finally {
        await rm(file, { force: true })
      }
    }
  } finally {
    // The work folder goes with its owner, but not while something still writes into it.
    await coming?.catch(() => {})
  }
}

/** A list that was signed before it was complete. */
function demandAll({ name, bytes: expectedBytes, parts }: Artifact): void {
  const foundBytes = parts.reduce((sum, { bytes }) => sum + bytes, 0)
  if (foundBytes !== expectedBytes)
    throw new LifeboatError('ARTIFACT_TRUNCATED', {
      ...{ artifact: name, expectedBytes, foundBytes },
      problem: 'the parts the manifest lists are not all of it',
    })
}

/** @returns the file that holds the part */
async function fetchPart(
  { target, run, workDir, arrived, spent }: Fetcher,
  { sourceId, backupId }: Owner,
  artifact: Artifact,
  part: Part,
): Promise<string> {
  const key = partKey(sourceId, backupId, artifact.name, part.no)
  const file = join(workDir, `${backupId}.${artifact.name}.${part.no}`)
  const hash = createHash('sha256')
  let bytes = 0
  const begun = performance.now()
  const body = await target.get(key, { signal: run.signal }).catch((thrown: unknown) => {
    throw LifeboatError.is(thrown, 'TARGET_KEY_ABSENT')
      ? new LifeboatError('ARTIFACT_PART_MISSING', { key }, { cause: thrown })
      : thrown
  })
  // Whoever reads it hears of a break, also of one before the file is open.
  body.on('error', () => {})
  using _breaking = addAbortListener(run.signal, () => body.destroy(run.signal.reason))
  const measured = async function* () {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      arrived(chunk.length)
      hash.update(chunk)
      bytes += chunk.length
      if (bytes > part.bytes) break
      yield chunk
    }
  }
  try {
    await writeBlocks(measured(), file)
  } catch (thrown) {
    throw orDiskFull(thrown, workDir)
  } finally {
    // Where the file could not even be opened, nobody has begun to read.
    body.destroy()
  }
  spent?.('download', performance.now() - begun)
  if (bytes !== part.bytes)
    throw new LifeboatError('ARTIFACT_TRUNCATED', { key, expectedBytes: part.bytes, foundBytes: bytes })
  const found = hash.digest('hex')
  if (found !== part.sha256)
    throw new LifeboatError('ARTIFACT_DIGEST_MISMATCH', { key, part: part.no, expected: part.sha256, found })
  return file
}
