import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { answer, answerRefusal, S3Refusal } from './s3-server/answer.ts'
import { S3Bucket } from './s3-server/bucket.ts'
import { listPage } from './s3-server/list.ts'
import { flipBit, getObject, type Lie, putObject, putRetention } from './s3-server/objects.ts'
import { demandSignature, type S3Credentials } from './s3-server/sigv4.ts'

/** What lies in the bucket, as the owner of the store sees it. */
export interface HeldObject {
  key: string
  bytes: number
  storageClass: string
  tags: Readonly<Record<string, string>>
}

export interface S3Server extends AsyncDisposable {
  readonly endpoint: string
  readonly region: string
  readonly bucket: string
  readonly credentials: S3Credentials
  /** Method and path of every request so far. */
  readonly seen: readonly string[]
  objects(): HeldObject[]
  /** Locks an object as a bucket with object lock in compliance mode does, default for an hour. */
  lock(key: string, untilMs?: number): void
  /** Flips one bit where the object lies; the store does not notice. */
  corrupt(key: string, offset?: number): Promise<void>
  /** Gives an object another class, as a lifecycle rule of the bucket does. */
  move(key: string, storageClass: string): void
  /** Removes an object behind everybody's back. */
  lose(key: string): Promise<void>
  /** The next put is answered untruthfully. */
  lie(lie: Lie): void
  /** From now on everything is 403, as after the rights were withdrawn; `false` gives them back. */
  deny(denied: boolean): void
}

export interface S3ServerOptions {
  bucket?: string
  /** With versioning, which object lock demands; default true. */
  versioned?: boolean
  /** Whether the credentials may give tags (`s3:PutObjectTagging`); default true. */
  mayTag?: boolean
  /** Keys per page of a list; default 10, so that lists of tests have several. */
  pageSize?: number
  /** Default any free one. */
  port?: number
}

/**
 * A small, strict S3: signatures, payload hashes and checksums are verified and echoed, create-only is atomic, lists come in pages and
 * in byte order, bodies go to disk. It knows what Lifeboat uses and refuses the rest. Put a fault proxy in front for trouble on the wire.
 */
export async function startS3Server(opts: S3ServerOptions = {}): Promise<S3Server> {
  const { bucket: name = 'lifeboat', versioned = true, mayTag = true, pageSize = 10, port = 0 } = opts
  const folder = await mkdtemp(join(tmpdir(), 'lifeboat-s3-'))
  const bucket = new S3Bucket({ versioned })
  const state: State = {
    name,
    bucket,
    folder,
    pageSize,
    region: 'eu-test-1',
    credentials: CREDENTIALS,
    lies: [],
    denied: false,
    mayTag,
  }
  const seen: string[] = []
  const handle = (req: IncomingMessage, res: ServerResponse) => {
    seen.push(`${req.method} ${req.url}`)
    serve(req, res, state).catch((thrown: unknown) => refuse(req, res, thrown))
  }
  const server = createServer(handle).on('checkContinue', handle)
  server.requestTimeout = 0
  // On a busy machine seconds pass between two requests, and a connection that is closed just then fails the second.
  server.keepAliveTimeout = 0
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const held = (key: string) => {
    const object = bucket.current(key)
    if (object === undefined) throw new Error(`the test server holds no ${key}`)
    return object
  }
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    region: state.region,
    bucket: name,
    credentials: state.credentials,
    seen,
    objects: () => bucket.keys().map((key) => ({ ...pick(held(key)), key })),
    lock(key, untilMs = Date.now() + 3_600_000) {
      held(key).retainUntil = new Date(untilMs)
    },
    corrupt: (key, offset = 0) => flipBit(held(key), offset),
    move(key, storageClass) {
      held(key).storageClass = storageClass
    },
    lose: (key) => bucket.remove(key, versioned ? held(key).versionId : undefined),
    lie: (lie) => void state.lies.push(lie),
    deny(denied) {
      state.denied = denied
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

const CREDENTIALS: S3Credentials = {
  accessKeyId: 'AKIATESTKIT000000001',
  secretAccessKey: 'testkit/secret+key/of/no/value',
}

interface State {
  name: string
  bucket: S3Bucket
  folder: string
  pageSize: number
  region: string
  credentials: S3Credentials
  lies: Lie[]
  denied: boolean
  mayTag: boolean
}

async function serve(req: IncomingMessage, res: ServerResponse, state: State): Promise<void> {
  const url = new URL(req.url ?? '/', 'http://store')
  demandSignature(req, url, state.credentials, state.region)
  if (state.denied) throw new S3Refusal(403, 'AccessDenied')
  const [, bucketName = '', ...segments] = url.pathname.split('/').map(decodeURIComponent)
  if (bucketName !== state.name) throw new S3Refusal(404, 'NoSuchBucket')
  const key = segments.join('/')
  if (key === '') return void serveBucket(req, res, url, state)
  const { bucket, folder } = state
  const versionId = url.searchParams.get('versionId') ?? undefined
  if (req.method === 'PUT' && url.searchParams.has('retention'))
    return putRetention(req, res, { bucket, key, folder, versionId })
  if (req.headers['x-amz-tagging'] !== undefined && !state.mayTag) throw new S3Refusal(403, 'AccessDenied')
  if (req.method === 'PUT') return putObject(req, res, { bucket, key, folder, lie: state.lies.shift() })
  if (req.method === 'GET' || req.method === 'HEAD') return getObject(req, res, bucket, key)
  if (req.method !== 'DELETE') throw new S3Refusal(405, 'MethodNotAllowed')
  await bucket.remove(key, versionId)
  answer(res, 204)
}

function serveBucket(req: IncomingMessage, res: ServerResponse, url: URL, state: State): void {
  const lists = req.method === 'GET' && url.searchParams.get('list-type') === '2'
  if (lists) answer(res, 200, {}, listPage(state.name, state.bucket, url.searchParams, state.pageSize))
  else if (req.method === 'HEAD') answer(res, 200, { 'x-amz-bucket-region': state.region })
  else throw new S3Refusal(501, 'NotImplemented')
}

/** A client that hung up inside its body gets no answer; nothing of the body is kept. */
function refuse(req: IncomingMessage, res: ServerResponse, thrown: unknown): void {
  if (req.destroyed && !req.complete) return
  if (res.headersSent) return void res.destroy()
  answerRefusal(req, res, thrown instanceof S3Refusal ? thrown : new S3Refusal(500, 'InternalError', String(thrown)))
}

function pick({ bytes, storageClass, tags }: Omit<HeldObject, 'key'>) {
  return { bytes, storageClass, tags }
}
