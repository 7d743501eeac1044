import { createHash } from 'node:crypto'
import { runPipeline } from '@lifeboat/postgres/pipeline/run-pipeline.ts'
import { secretFile } from '@lifeboat/postgres/pipeline/secret-file.ts'
import { unage } from '@lifeboat/postgres/tools/age.ts'
import { decrypted } from '@lifeboat/shared/age/decrypt.ts'
import { WAL_DIGEST_DIGITS, type WalObject } from '@lifeboat/shared/domain/wal.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { forget } from '@lifeboat/shared/service/forget.ts'
import { readSmall } from '@lifeboat/storage/read-small.ts'
import { decompressed } from '../extract/decompress.ts'
import { findOnce } from '../fetch/find-once.ts'
import type { Reader } from '../fetch/reader.ts'
import { ownIdentities } from '../fetch/unseal.ts'
import type { ListedWal } from '../plan/coverage.ts'

/** A history file has a line for every promotion there ever was. */
const HISTORY_BYTES = 1024 * 1024
/** Encryption and incompressible contents add a little. */
const SEALED_SLACK_BYTES = 1024 * 1024

/** Reads objects of the WAL archive. What it gives is the caller's, who may give its memory back. */
export type ReadWal = (listed: ListedWal) => Promise<Buffer>

/**
 * Makes a reader of WAL objects: fetched, decrypted, decompressed, and compared with the digest in their name. The age program is started only where the
 * reader is to use it, or the identity is one that only it understands.
 *
 * Memory goes back as soon as it is done with: of a few segments left to the garbage collector each makes it look through the whole heap of a service.
 *
 * @throws LifeboatError TOOL_MISSING; the function it gives: WAL_DAMAGED | WAL_MISSING | ARTIFACT_KEY_WRONG | TARGET_…
 */
export async function walReader(reader: Reader, segmentBytes: number): Promise<ReadWal> {
  const open = await opener(reader)
  return async (listed) => {
    const bytes = plainBytes(listed.object, segmentBytes)
    const mostBytes = bytes.most ?? bytes.exactly
    const sealed = await fetchSealed(reader, listed, mostBytes + SEALED_SLACK_BYTES)
    const plain = await unpack(listed, await open(listed, sealed), mostBytes)
    forget(sealed)
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

/** What it gives is read before the next one is asked for. */
type Open = (listed: ListedWal, sealed: Buffer) => Promise<AsyncIterable<Buffer>>

async function opener(reader: Reader): Promise<Open> {
  const identities = ownIdentities(reader)
  if (identities === undefined) return openByProgram(reader, (await findOnce('age', reader)).path)
  return async (listed, sealed) => decrypted(only(sealed), identities, listed.key)
}

function openByProgram({ run, identity }: Reader, program: string): Open {
  return async (listed, sealed) => {
    using secret = secretFile(identity)
    const stage = unage({ program, identity: secret.fd })
    const opened = await runPipeline([stage], gather, run, { input: only(sealed) }).catch((thrown: unknown) => {
      run.signal.throwIfAborted()
      throw asUnopened(LifeboatError.from(thrown), listed)
    })
    return only(opened.result)
  }
}

async function* only(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes
}

/** @throws LifeboatError WAL_DAMAGED | ARTIFACT_KEY_WRONG */
async function unpack(listed: ListedWal, packed: AsyncIterable<Buffer>, mostBytes: number): Promise<Buffer> {
  const plain = Buffer.allocUnsafeSlow(mostBytes)
  let filled = 0
  try {
    for await (const chunk of decompressed(packed, listed.key)) {
      if (filled + chunk.length > mostBytes) throw damaged(listed, 'it is longer than its name says', { mostBytes })
      filled += chunk.copy(plain, filled)
    }
  } catch (thrown) {
    throw asUnopened(LifeboatError.from(thrown), listed)
  }
  return plain.subarray(0, filled)
}

function asUnopened(err: LifeboatError, listed: ListedWal): LifeboatError {
  const { tool, stderr, problem } = err.facts as { tool?: string; stderr?: string; problem?: string }
  if (err.code === 'ARTIFACT_KEY_WRONG' || (tool === 'age' && stderr?.includes('no identity matched')))
    return new LifeboatError('ARTIFACT_KEY_WRONG', { key: listed.key }, { cause: err })
  if (err.code === 'ARTIFACT_UNREADABLE' && tool !== 'age')
    return damaged(listed, `it cannot be decompressed: ${problem}`, {})
  if (tool !== 'age' || err.code === 'TOOL_KILLED' || err.code === 'TOOL_MISSING') return err
  return damaged(listed, 'it cannot be decrypted', { stderr: stderr ?? problem ?? '' })
}

function damaged({ key }: ListedWal, problem: string, facts: Record<string, string | number>): LifeboatError {
  return new LifeboatError('WAL_DAMAGED', { key, problem, ...facts })
}

/** Copies: what a decryption gives is good for a moment only. */
async function gather(bytes: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of bytes) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks)
}
