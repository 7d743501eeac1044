import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { GcsRefusal } from './gcs/refusal.ts'
import { answerJson } from './gcs/request.ts'
import { ResumableUploads } from './gcs/resumable.ts'
import { answerCall, type GcsState } from './gcs/routes.ts'
import { GcsBucket } from './gcs/store.ts'

export interface GcsServerOptions {
  /** Buckets there from the beginning. */
  buckets?: readonly string[]
  /** Demanded as `Authorization: Bearer …`; without it anybody may do anything. */
  token?: string
  /** Items of one page at most, however many a client asks for; small by default so that tests meet a second page. */
  pageLimit?: number
}

/** A Google Cloud Storage of one's own; bodies lie in a temporary folder that goes with it. */
export interface GcsServer extends AsyncDisposable {
  /** For `apiEndpoint` of the client. */
  readonly endpoint: string
  /** @param retentionSeconds objects are kept against removal for this long */
  createBucket(name: string, retentionSeconds?: number): void
  removeBucket(name: string): void
  /** Puts an object under a temporary hold, or releases it. */
  hold(bucket: string, name: string, held: boolean): void
  /** Names in the bucket, in UTF-8 byte order. */
  names(bucket: string): string[]
  /** From now on the next `times` uploads are answered with the digest of other bytes. */
  lieAboutChecksums(times: number): void
}

/**
 * Serves the JSON API as strictly as Google documents it: preconditions, digests, holds, ranges, pages in UTF-8 byte order, resumable uploads.
 *
 * Trouble on the wire (503, hang, reset, lost answers, flipped bits) is `startFaultProxy` put in front of it.
 *
 * @see https://cloud.google.com/storage/docs/json_api/v1
 */
export async function startGcsServer(opts: GcsServerOptions = {}): Promise<GcsServer> {
  const folder = await mkdtemp(join(tmpdir(), 'lifeboat-gcs-'))
  const buckets = new Map((opts.buckets ?? []).map((name) => [name, new GcsBucket(name)]))
  const pageLimit = opts.pageLimit ?? 10
  const state: GcsState = { buckets, folder, pageLimit, uploads: new ResumableUploads(folder), lies: 0 }
  const http = createServer((req, res) => {
    void serve(req, res, state, opts.token)
  })
  http.requestTimeout = 0
  // On a busy machine seconds pass between two requests, and a connection that is closed just then fails the second.
  http.keepAliveTimeout = 0
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  const bucketOf = (name: string) => {
    const bucket = buckets.get(name)
    if (bucket === undefined) throw new Error(`no bucket ${name}`)
    return bucket
  }
  return {
    endpoint: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    createBucket: (name, retentionSeconds) => void buckets.set(name, new GcsBucket(name, retentionSeconds)),
    removeBucket: (name) => void buckets.delete(name),
    hold: (bucket, name, held) => void bucketOf(bucket).patch(name, { temporaryHold: held }, {}),
    names: (bucket) =>
      bucketOf(bucket)
        .sorted()
        .map(({ name }) => name),
    lieAboutChecksums(times) {
      state.lies = times
    },
    async [Symbol.asyncDispose]() {
      http.close()
      http.closeAllConnections()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function serve(
  req: IncomingMessage,
  res: ServerResponse,
  state: GcsState,
  token: string | undefined,
): Promise<void> {
  try {
    if (token !== undefined && req.headers.authorization !== `Bearer ${token}`)
      throw new GcsRefusal(401, 'required', 'Login Required.')
    await answerCall(req, res, state)
  } catch (thrown) {
    refuse(req, res, thrown)
  }
}

/** A client that hung up gets no answer; one that still sends is read to the end so that it sees the answer. */
function refuse(req: IncomingMessage, res: ServerResponse, thrown: unknown): void {
  if (res.headersSent || res.destroyed || req.errored) return void res.destroy()
  req.resume()
  const refusal = thrown instanceof GcsRefusal ? thrown : new GcsRefusal(500, 'backendError', String(thrown))
  answerJson(res, refusal.status, refusal.toJSON())
}
