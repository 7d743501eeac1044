import { createHash, timingSafeEqual } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'
import { join } from 'node:path'
import type { Secret } from '@lifeboat/shared/config/secret.ts'
import { type BackupId, SourceId } from '@lifeboat/shared/domain/ids.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Logger } from '@lifeboat/shared/log/logger.ts'
import type { Metrics } from '@lifeboat/shared/service/metrics.ts'
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify'
import { RECOVER_DOCUMENT } from '../recover-doc.ts'
import { isWalFile, walFolder } from '../wal/wal-spool.ts'
import { isPartName, MANIFEST } from './files.ts'
import type { Spool } from './spool.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Answered without the token. */
    open?: boolean
  }
}

const READ_BYTES = 512 * 1024

/**
 * Serves finished files of the spool: `GET /backups/<backup id>/<file>` and `GET /wal/<source>/<file>` with `Authorization: Bearer <token>`, whole or
 * one `Range`. `/metrics` wants the token too, `/healthz` does not.
 *
 * 404: never heard of, or not finished · 410: it was here and enough targets have it.
 *
 * @throws LifeboatError SERVICE_PORT_TAKEN
 */
export async function serveParts(
  spool: Pick<Spool, 'get' | 'path'>,
  opts: { listen: string; token: Secret; log: Logger; metrics?: Metrics },
): Promise<AsyncDisposable & { readonly port: number }> {
  const app = fastify({ logger: false, forceCloseConnections: true })
  const expected = digest(`Bearer ${opts.token.reveal()}`)
  app.addHook('onRequest', async (request, reply) => {
    if (request.routeOptions.config.open) return
    // Digests have one length, so the comparison takes the same time whatever was sent.
    if (timingSafeEqual(digest(request.headers.authorization ?? ''), expected)) return
    opts.log.warn({ event: 'spool.refused', from: request.ip }, 'refused a request without the token')
    return reply.code(401).send({ code: 'AGENT_REFUSED', title: 'The token is not the one of this agent' })
  })
  app.get('/backups/:backupId/:file', (request, reply) => answer(spool, request as FileRequest, reply))
  app.get('/wal/:sourceId/:file', (request, reply) => answerWal(spool, request as WalRequest, reply))
  app.get('/healthz', { config: { open: true } }, async (_request, reply) => reply.type('text/plain').send('ok\n'))
  app.get('/metrics', async (_request, reply) =>
    reply.type(opts.metrics?.contentType ?? 'text/plain').send((await opts.metrics?.text()) ?? ''),
  )
  const port = await listen(app, opts.listen)
  return { port, [Symbol.asyncDispose]: () => app.close() }
}

type FileRequest = FastifyRequest<{ Params: { backupId: BackupId; file: string } }>

async function answer(spool: Pick<Spool, 'get'>, request: FileRequest, reply: FastifyReply): Promise<FastifyReply> {
  const { backupId, file } = request.params
  const spooled = spool.get(backupId)
  if (spooled === undefined || !isServed(file)) return gone(reply, 404)
  const handle = await openFile(join(spooled.folder, file))
  if (handle === undefined) return gone(reply, spooled.holders.has(file) ? 410 : 404)
  return send(handle, request, reply)
}

type WalRequest = FastifyRequest<{ Params: { sourceId: string; file: string } }>

/** What targets hold has left, and what was never here is not told apart from it: both are asked for elsewhere. */
async function answerWal(spool: Pick<Spool, 'path'>, request: WalRequest, reply: FastifyReply): Promise<FastifyReply> {
  const sourceId = SourceId.safeParse(request.params.sourceId)
  if (!sourceId.success || !isWalFile(request.params.file)) return gone(reply, 404)
  const handle = await openFile(join(walFolder(spool.path, sourceId.data), request.params.file))
  return handle === undefined ? gone(reply, 410) : send(handle, request, reply)
}

async function send(handle: FileHandle, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const { size } = await handle.stat()
  const range = rangeOf(request.headers.range, size)
  if (range === 'unsatisfiable') {
    await handle.close()
    return reply.code(416).header('content-range', `bytes */${size}`).send()
  }
  reply.header('accept-ranges', 'bytes').header('cache-control', 'no-store').type('application/octet-stream')
  if (range !== undefined) reply.code(206).header('content-range', `bytes ${range.start}-${range.end}/${size}`)
  const { start, end } = range ?? { start: 0, end: size - 1 }
  reply.header('content-length', end - start + 1)
  return reply.send(handle.createReadStream({ start, end, highWaterMark: READ_BYTES }))
}

/** Parts, the manifest and the documents; nothing that is unfinished or the spool's own bookkeeping. */
function isServed(file: string): boolean {
  return isPartName(file) || file === MANIFEST || file === RECOVER_DOCUMENT
}

async function openFile(path: string): Promise<FileHandle | undefined> {
  return open(path, 'r').catch((err: NodeJS.ErrnoException) => {
    if (err.code === 'ENOENT') return undefined
    throw err
  })
}

/** One range of the form `bytes=a-b`, `bytes=a-` or `bytes=-n`; anything else is answered with the whole file, as HTTP allows. */
function rangeOf(
  header: string | undefined,
  size: number,
): { start: number; end: number } | 'unsatisfiable' | undefined {
  const [, first, last] = /^bytes=(\d*)-(\d*)$/.exec(header ?? '') ?? []
  if (first === undefined || (first === '' && last === '')) return undefined
  const start = first === '' ? Math.max(0, size - Number(last)) : Number(first)
  const end = first === '' || last === '' ? size - 1 : Math.min(Number(last), size - 1)
  return start > end || start >= size ? 'unsatisfiable' : { start, end }
}

function gone(reply: FastifyReply, status: 404 | 410): FastifyReply {
  return reply.code(status).send({ code: 'PART_GONE', title: 'The part is not in this spool' })
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

async function listen(app: FastifyInstance, at: string): Promise<number> {
  const split = at.lastIndexOf(':')
  const host = at.slice(0, split) || '0.0.0.0'
  try {
    await app.listen({ host, port: Number(at.slice(split + 1)) })
  } catch (cause) {
    throw new LifeboatError('SERVICE_PORT_TAKEN', { listen: at }, { cause })
  }
  const address = app.server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}
