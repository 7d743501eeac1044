import { closeSync, openSync, readSync, writeSync } from 'node:fs'
import { Socket } from 'node:net'
import { join } from 'node:path'
import type { MessagePort } from 'node:worker_threads'
import { type DataPlaces, dataPlaces, type Field } from '@lifeboat/postgres/archive/data-places.ts'
import { decrypted } from '@lifeboat/shared/age/decrypt.ts'
import { type X25519Identity, x25519Identities } from '@lifeboat/shared/age/identities.ts'
import { givingBack } from '../fetch/giving-back.ts'
import { inBlocks } from '../fetch/in-blocks.ts'
import { isCompressed } from '../fetch/is-compressed.ts'
import { decompressed } from './decompress.ts'
import type { Grown } from './extract-answer.ts'
import { FilePlacement, type PlacingOptions } from './place-files.ts'
import { untar } from './untar.ts'

/** One artifact and where its bytes come from. */
export interface ExtractJob extends PlacingOptions {
  artifact: string
  /** It is no archive of files but the contents of this one file. */
  file?: string
  /** That file is a dump in custom format: the places of its data are put into its table of contents, for parallel jobs. */
  dump?: boolean
  from: SealedFiles | DecryptedPipe
}

/** Names of files come through the port, one after the other and null at the end; each is answered when the file was read. */
export interface SealedFiles {
  files: MessagePort
  /** age identity file; only with keys `x25519Identities` understands. */
  identity: string
}

export interface DecryptedPipe {
  /** Reading end, closed here. */
  fd: number
}

/** What came out of it. */
export interface Extraction {
  files: number
  bytes: number
  /** Of these in files that were left hollow. */
  hollowBytes: number
  /** Every file and folder it brought, by its final name. */
  names: readonly string[]
}

const READ_BYTES = 1024 ** 2

/**
 * Decrypts and decompresses an artifact and puts what it holds on its place.
 *
 * @param onGrown told what of a dump is in its file, once its table of contents is; not where it is no archive
 * @throws LifeboatError ARTIFACT_UNREADABLE | ARTIFACT_KEY_WRONG | RECOVERY_COMBINE_FAILED · errors of the disk as they come
 */
export async function extractArtifact(
  { artifact, from, file, dump, ...placing }: ExtractJob,
  onGrown: (grown: Grown) => void,
): Promise<Extraction> {
  // NOTE: as a file, its reads would wait in the few threads of the file system, and several extractions for each other forever.
  const pipe = 'fd' in from ? new Socket({ fd: from.fd, writable: false }) : undefined
  try {
    using placement = new FilePlacement(placing)
    const contents = 'fd' in from ? inBlocks(givingBack(pipe as Socket), READ_BYTES) : contentsOfFiles(from, artifact)
    const plain = isCompressed({ name: artifact }) ? decompressed(contents, artifact) : contents
    const places = dump ? dataPlaces() : undefined
    const { members: files, bytes } = await (file === undefined
      ? untar(plain, placement)
      : place(plain, { name: file, to: placement, places, onGrown }))
    await placement.settled()
    if (file !== undefined && places) fillIn(join(placing.folder, file), places.fields())
    return { files, bytes, hollowBytes: placement.hollowBytes, names: [...placement.names] }
  } finally {
    // Whoever still writes learns from this that nobody reads any more.
    pipe?.destroy()
  }
}

interface Placing {
  name: string
  to: FilePlacement
  places: DataPlaces | undefined
  onGrown: (grown: Grown) => void
}

async function place(chunks: AsyncIterable<Buffer>, { name, to, places, onGrown }: Placing): ReturnType<typeof untar> {
  const sink = to.file({ name, kind: 'file', bytes: 0, mode: 0o600, leadsTo: '' })
  let bytes = 0
  for await (const chunk of chunks) {
    sink.write(chunk)
    bytes += chunk.length
    places?.add(chunk)
    if (places?.isListed()) onGrown({ bytes, block: places.open() })
  }
  sink.close()
  return { members: 1, bytes }
}

function fillIn(path: string, fields: readonly Field[]): void {
  const fd = openSync(path, 'r+')
  try {
    for (const { at, bytes } of fields) writeSync(fd, bytes, 0, bytes.length, at)
  } finally {
    closeSync(fd)
  }
}

function contentsOfFiles({ files, identity }: SealedFiles, artifact: string): AsyncGenerator<Buffer> {
  return decrypted(bytesOf(namesFrom(files)), x25519Identities(identity) as X25519Identity[], artifact)
}

async function* namesFrom(port: MessagePort): AsyncGenerator<string> {
  for (;;) {
    const name = await nextMessage(port)
    if (name === null) return
    yield name
    port.postMessage('read')
  }
}

function nextMessage(port: MessagePort): Promise<string | null> {
  return new Promise((resolve) => port.once('message', resolve))
}

/** In one buffer: it is copied before the next is asked for. */
async function* bytesOf(files: AsyncIterable<string>): AsyncGenerator<Buffer> {
  const buffer = Buffer.allocUnsafeSlow(READ_BYTES)
  for await (const file of files) {
    const fd = openSync(file, 'r')
    try {
      for (;;) {
        const bytes = readSync(fd, buffer)
        if (bytes === 0) break
        yield buffer.subarray(0, bytes)
      }
    } finally {
      closeSync(fd)
    }
  }
}
