import type { IncomingMessage, ServerResponse } from 'node:http'
import { download } from './download.ts'
import { listPage } from './listing.ts'
import { GcsRefusal, invalid, notFound } from './refusal.ts'
import { answerJson, conditionsOf, objectFields, readJson } from './request.ts'
import { bucketResource, objectResource } from './resource.ts'
import type { ResumableUploads } from './resumable.ts'
import { GcsBucket } from './store.ts'
import { simpleUpload } from './upload.ts'

/** What the routes work on. */
export interface GcsState {
  buckets: Map<string, GcsBucket>
  uploads: ResumableUploads
  folder: string
  pageLimit: number
  /** So many uploads to come are answered with the digests of other bytes. */
  lies: number
}

interface Call {
  req: IncomingMessage
  res: ServerResponse
  state: GcsState
  query: URLSearchParams
  bucketName: string
  objectName: string
}

const OTHER_DIGESTS = { md5Hash: 'AAAAAAAAAAAAAAAAAAAAAA==', crc32c: 'AAAAAA==' }

type Handler = (call: Call) => void | Promise<void>

const BUCKETS = /^\/storage\/v1\/b$/
const BUCKET = /^\/storage\/v1\/b\/([^/]+)$/
const OBJECTS = /^\/storage\/v1\/b\/([^/]+)\/o$/
const OBJECT = /^\/storage\/v1\/b\/([^/]+)\/o\/([^/]+)$/
/** The XML API, which takes a name as it is. */
const PLAIN = /^\/(?!storage\/|upload\/)([^/]+)\/(.+)$/
const UPLOADS = /^\/upload\/storage\/v1\/b\/([^/]+)\/o$/

const ROUTES: readonly [method: string, path: RegExp, handler: Handler][] = [
  ['GET', BUCKETS, listBuckets],
  ['POST', BUCKETS, createBucket],
  ['GET', BUCKET, ({ res, ...call }) => answerJson(res, 200, bucketResource(bucketOf(call)))],
  ['DELETE', BUCKET, deleteBucket],
  [
    'GET',
    OBJECTS,
    ({ res, ...call }) => answerJson(res, 200, listPage(bucketOf(call), call.query, call.state.pageLimit)),
  ],
  ['GET', OBJECT, getObject],
  ['PATCH', OBJECT, patchObject],
  ['DELETE', OBJECT, deleteObject],
  ['POST', UPLOADS, upload],
  ['PUT', UPLOADS, ({ req, res, state, query }) => state.uploads.put(req, res, query.get('upload_id') ?? '')],
  [
    'GET',
    PLAIN,
    ({ req, res, objectName, ...call }) => download(res, bucketOf(call).find(objectName, {}), req.headers.range),
  ],
  ['DELETE', UPLOADS, ({ res, state, query }) => state.uploads.cancel(res, query.get('upload_id') ?? '')],
]

/** @throws GcsRefusal for everything Google would refuse */
export async function answerCall(req: IncomingMessage, res: ServerResponse, state: GcsState): Promise<void> {
  const url = new URL(req.url ?? '/', 'http://server')
  const found = ROUTES.find(([method, path]) => method === req.method && path.test(url.pathname))
  if (!found) throw new GcsRefusal(404, 'notFound', 'Not Found')
  const [, path, handler] = found
  const [, bucketName = '', objectName = ''] = (path.exec(url.pathname) ?? []).map(decodeURIComponent)
  await handler({ req, res, state, query: url.searchParams, bucketName, objectName })
}

function bucketOf({ state, bucketName }: Pick<Call, 'state' | 'bucketName'>): GcsBucket {
  const bucket = state.buckets.get(bucketName)
  if (bucket === undefined) throw new GcsRefusal(404, 'notFound', 'The specified bucket does not exist.')
  return bucket
}

function listBuckets({ res, state }: Call): void {
  answerJson(res, 200, { kind: 'storage#buckets', items: [...state.buckets.values()].map(bucketResource) })
}

async function createBucket({ req, res, state }: Call): Promise<void> {
  const { name, retentionPolicy } = (await readJson(req)) as {
    name?: string
    retentionPolicy?: { retentionPeriod?: string }
  }
  if (name === undefined || !/^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$/.test(name))
    throw invalid(`Invalid bucket name: '${name}'`)
  if (state.buckets.has(name))
    throw new GcsRefusal(
      409,
      'conflict',
      'Your previous request to create the named bucket succeeded and you already own it.',
    )
  const seconds = retentionPolicy?.retentionPeriod
  const bucket = new GcsBucket(name, seconds === undefined ? undefined : Number(seconds))
  state.buckets.set(name, bucket)
  answerJson(res, 200, bucketResource(bucket))
}

function deleteBucket({ res, state, bucketName }: Call): void {
  if (!bucketOf({ state, bucketName }).isEmpty)
    throw new GcsRefusal(409, 'conflict', 'The bucket you tried to delete is not empty.')
  state.buckets.delete(bucketName)
  res.writeHead(204).end()
}

async function getObject({ req, res, query, objectName, ...call }: Call): Promise<void> {
  const bucket = bucketOf(call)
  const object = bucket.find(objectName, conditionsOf(query))
  const wanted = query.get('generation')
  if (wanted !== null && wanted !== String(object.generation)) throw notFound(`${bucket.name}/${objectName}`)
  if (query.get('alt') !== 'media') return answerJson(res, 200, objectResource(bucket, object))
  await download(res, object, req.headers.range)
}

async function patchObject({ req, res, query, objectName, ...call }: Call): Promise<void> {
  const bucket = bucketOf(call)
  const changes = objectFields(await readJson(req))
  answerJson(res, 200, objectResource(bucket, bucket.patch(objectName, changes, conditionsOf(query))))
}

function deleteObject({ res, query, objectName, ...call }: Call): void {
  bucketOf(call).remove(objectName, conditionsOf(query))
  res.writeHead(204).end()
}

async function upload({ req, res, state, query, bucketName }: Call): Promise<void> {
  const bucket = bucketOf({ state, bucketName })
  const type = query.get('uploadType')
  if (type === 'resumable') return state.uploads.begin(req, res, bucket, query)
  if (type !== 'multipart' && type !== 'media') throw invalid(`Invalid value for uploadType: ${type}`)
  const resource = await simpleUpload(req, { bucket, query, folder: state.folder })
  answerJson(res, 200, state.lies > 0 && state.lies-- ? { ...resource, ...OTHER_DIGESTS } : resource)
}
