import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { zstdDecompress } from 'node:zlib'
import { runPipeline } from '@lifeboat/postgres/pipeline/run-pipeline.ts'
import { secretFile } from '@lifeboat/postgres/pipeline/secret-file.ts'
import { unage } from '@lifeboat/postgres/tools/age.ts'
import { WAL_DIGEST_DIGITS, type WalObject } from '@lifeboat/shared/domain/wal.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { readSmall } from '@lifeboat/storage/read-small.ts'
import { findOnce } from '../fetch/find-once.ts'
import type { Reader } from '../fetch/reader.ts'
import type { ListedWal } from '../plan/coverage.ts'

const decompress = promisify(zstdDecompress)
/** A history file has a line for every promotion there ever was. */
const HISTORY_BYTES = 1024 * 1024
/** Encryption and incompressible contents add a little. */
const SEALED_SLACK_BYTES = 1024 * 1024

/** Reads objects of the WAL archive. */
export type ReadWal = (listed: ListedWal) => Promise<Buffer>

/**
 * Makes a reader of WAL objects: fetched, decrypted, decompressed, and compared with the digest in their name.
 *
 * @throws LifeboatError TOOL_MISSING; the function it gives: WAL_DAMAGED | WAL_MISSING | ARTIFACT_KEY_WRONG | TARGET_…
 */
export async function walReader(reader: Reader, segmentBytes: number): Promise<ReadWal> {
  const age = await findOnce('age', reader)
  return async (listed) => {
    const bytes = plainBytes(listed.object, segmentBytes)
    const sealed = await fetchSealed(reader, listed, (bytes.most ?? bytes.exactly) + SEALED_SLACK_BYTES)
    const plain = await openSealed(reader, age.path, listed, sealed, bytes.most ?? bytes.exactly)
    if (bytes.most === undefined && plain.length !== bytes.exactly)
      throw damaged(listed, 'it has another length', { expectedBytes: bytes.exactly, foundBytes: plain.length })
    const digest = createHash('sha256').update(plain).digest('hex').slice(0, WAL_DIGEST_DIGITS)
    if (digest !== listed.object.digest)
      throw damaged(listed, 'its contents are not those its name says', {
        expected: listed.object.digest,
        found: digest,
      })
    return plain
  }
}

function plainBytes(object: WalObject, segmentBytes: number): { exactly: number; most?: number } {
  if (object.kind === 'history') return { exactly: 0, most: HISTORY_BYTES }
  return { exactly: object.kind === 'segment' ? segmentBytes : object.to - object.from }
}

async function fetchSealed({ target, run, arrived }: Reader, listed: ListedWal, mostBytes: number): Promise<Buffer> {
  const { key } = listed
  try {
    const body = await target.get(key, { signal: run.signal })
    body.on('data', (chunk: Buffer) => arrived(chunk.length))
    return await readSmall(body, key, mostBytes)
  } catch (thrown) {
    // It was in the listing a moment ago.
    if (LifeboatError.is(thrown, 'TARGET_KEY_ABSENT'))
      throw new LifeboatError('WAL_MISSING', { key }, { cause: thrown })
    if (LifeboatError.is(thrown, 'MANIFEST_TAMPERED')) throw damaged(listed, 'it is far too long', {})
    throw thrown
  }
}

async function openSealed(
  { run, identity }: Reader,
  program: string,
  listed: ListedWal,
  sealed: Buffer,
  maxOutputLength: number,
): Promise<Buffer> {
  using secret = secretFile(identity)
  const stage = unage({ program, identity: secret.fd })
  const input = (async function* () {
    yield sealed
  })()
  const opened = await runPipeline([stage], gather, run, { input }).catch((thrown: unknown) => {
    run.signal.throwIfAborted()
    throw asUnopened(LifeboatError.from(thrown), listed)
  })
  return decompress(opened.result, { maxOutputLength: maxOutputLength + 1 }).catch((cause: Error) => {
    throw damaged(listed, `it cannot be decompressed: ${cause.message}`, {})
  })
}

function asUnopened(err: LifeboatError, listed: ListedWal): LifeboatError {
  const { tool, stderr = '' } = err.facts as { tool?: string; stderr?: string }
  if (tool !== 'age' || err.code === 'TOOL_KILLED' || err.code === 'TOOL_MISSING') return err
  if (stderr.includes('no identity matched'))
    return new LifeboatError('ARTIFACT_KEY_WRONG', { key: listed.key }, { cause: err })
  return damaged(listed, 'it cannot be decrypted', { stderr })
}

function damaged({ key }: ListedWal, problem: string, facts: Record<string, string | number>): LifeboatError {
  return new LifeboatError('WAL_DAMAGED', { key, problem, ...facts })
}

async function gather(bytes: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of bytes) chunks.push(chunk)
  return Buffer.concat(chunks)
}
