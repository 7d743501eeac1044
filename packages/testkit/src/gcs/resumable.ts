import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Draft } from './draft.ts'
import { GcsRefusal, invalid } from './refusal.ts'
import { answerJson, conditionsOf, readJson, uploadMetadata } from './request.ts'
import type { GcsBucket } from './store.ts'
import { agreedName, commitUpload, type Finished } from './upload.ts'

const UNIT_BYTES = 256 * 1024

interface Session extends Finished {
  draft: Draft
  /** The resource once it is an object; a repeated last request is answered with it. */
  done?: object
  /** One request at a time touches the draft. */
  turn: Promise<void>
}

// `bytes 0-99/200`, `bytes 0-99/*`; with `*` for the last byte everything comes in one request; `*` alone for both is a question.
/** A Content-Range header of an upload, with undefined for each asterisk. */
interface Span {
  from: number | undefined
  to: number | undefined
  total: number | undefined
}

/** Uploads that survive a broken connection: nothing is visible before the last byte came. */
export class ResumableUploads {
  readonly #sessions = new Map<string, Session>()
  readonly #folder: string

  constructor(folder: string) {
    this.#folder = folder
  }

  async begin(req: IncomingMessage, res: ServerResponse, bucket: GcsBucket, query: URLSearchParams): Promise<void> {
    const metadata = uploadMetadata(JSON.stringify(await readJson(req)))
    const contentType = req.headers['x-upload-content-type']
    if (typeof contentType === 'string') metadata.fields = { contentType, ...metadata.fields }
    const name = agreedName(query.get('name') ?? undefined, metadata)
    const conditions = conditionsOf(query)
    bucket.demand(name, conditions)
    const id = randomBytes(24).toString('base64url')
    const draft = await Draft.begin(this.#folder)
    this.#sessions.set(id, { bucket, name, metadata, conditions, draft, turn: Promise.resolve() })
    const where = `http://${req.headers.host}/upload/storage/v1/b/${encodeURIComponent(bucket.name)}/o`
    const parameters = new URLSearchParams({ uploadType: 'resumable', name, upload_id: id })
    res.writeHead(200, { location: `${where}?${parameters}`, 'x-guploader-uploadid': id, 'content-length': 0 }).end()
  }

  async put(req: IncomingMessage, res: ServerResponse, id: string): Promise<void> {
    const session = this.#find(id)
    const mine = session.turn.then(() => this.#take(req, res, session))
    session.turn = mine.catch(() => undefined)
    await mine
  }

  async cancel(res: ServerResponse, id: string): Promise<void> {
    const session = this.#find(id)
    this.#sessions.delete(id)
    await session.turn
    await session.draft.discard()
    res.writeHead(499, { 'content-length': 0 }).end()
  }

  async #take(req: IncomingMessage, res: ServerResponse, session: Session): Promise<void> {
    if (session.done) {
      req.resume()
      return answerJson(res, 200, session.done)
    }
    const span = spanOf(req.headers['content-range'])
    const { draft } = session
    if (span.from !== undefined && span.from !== draft.bytes) {
      req.resume()
      return resumeIncomplete(res, draft)
    }
    if (span.from !== undefined) await receive(req, draft, span)
    const complete =
      span.total === undefined ? span.to === undefined && span.from !== undefined : draft.bytes === span.total
    if (!complete) return resumeIncomplete(res, draft)
    promiseDigests(session, req.headers['x-goog-hash'])
    const body = await draft.finish()
    session.done = commitUpload(session, body)
    answerJson(res, 200, session.done)
  }

  #find(id: string): Session {
    const session = this.#sessions.get(id)
    if (session === undefined) throw new GcsRefusal(410, 'gone', 'No such upload session')
    return session
  }
}

/** What came before a cut stays, in whole units. */
async function receive(req: IncomingMessage, draft: Draft, span: Span): Promise<void> {
  const isLast = span.total !== undefined || span.to === undefined
  const started = draft.bytes
  try {
    for await (const chunk of req) await draft.write(chunk as Buffer)
  } catch (cut) {
    await draft.cutTo(wholeUnits(draft.bytes))
    throw cut
  }
  const expected = span.to === undefined ? undefined : span.to - (span.from ?? 0) + 1
  if (expected !== undefined && draft.bytes - started !== expected) {
    await draft.cutTo(started)
    throw invalid(`Content-Range announced ${expected} bytes`)
  }
  if (!isLast) await draft.cutTo(wholeUnits(draft.bytes))
}

function wholeUnits(bytes: number): number {
  return bytes - (bytes % UNIT_BYTES)
}

function resumeIncomplete(res: ServerResponse, { bytes }: Draft): void {
  res.writeHead(308, { 'content-length': 0, ...(bytes > 0 && { range: `bytes=0-${bytes - 1}` }) }).end()
}

function spanOf(header: string | undefined): Span {
  if (header === undefined) return { from: 0, to: undefined, total: undefined }
  // What the official client says of an empty stream.
  if (header === 'bytes 0--1/0') return { from: 0, to: -1, total: 0 }
  const parsed = /^bytes (?:\*|(\d+)-(\d+|\*))\/(\d+|\*)$/.exec(header)
  if (!parsed) throw invalid(`Failed to parse Content-Range header: ${header}`)
  const [from, to, total] = parsed
    .slice(1)
    .map((text) => (text === undefined || text === '*' ? undefined : Number(text)))
  return { from, to, total }
}

function promiseDigests(session: Session, header: string | string[] | undefined): void {
  for (const [, kind, digest] of String(header ?? '').matchAll(/(crc32c|md5)=([A-Za-z0-9+/=]+)/g))
    session.metadata[kind === 'md5' ? 'md5Hash' : 'crc32c'] = digest ?? ''
}
