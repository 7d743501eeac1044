import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'

/** One kind of trouble between a client and its server. Offsets count bytes of the body as it is on the wire, from 0. */
export type Fault =
  /** Answers without asking the server; the body is read and thrown away. */
  | { kind: 'status'; status: number }
  /** Takes the request and never answers. */
  | { kind: 'hang' }
  /** Cuts the connection once this many bytes of the request passed; the server sees the cut as well. */
  | { kind: 'reset-upload'; afterBytes: number }
  /** Cuts the connection once this many bytes of the answer passed. */
  | { kind: 'reset-download'; afterBytes: number }
  /** Lets the request through and the server finish its work; its answer is replaced by a cut. */
  | { kind: 'lose-answer' }
  | { kind: 'flip-upload'; atByte: number }
  | { kind: 'flip-download'; atByte: number }

export interface FaultRule {
  /** Only requests of this method. */
  method?: string
  /** Only requests whose path and query match. */
  path?: RegExp
  /** How many requests it happens to; default 1. */
  times?: number
}

/** Stands in front of any HTTP server and hands everything through, apart from the faults asked for. */
export interface FaultProxy extends AsyncDisposable {
  readonly endpoint: string
  /** The next requests the rule fits meet the fault; faults asked for first come first. */
  inject(fault: Fault, rule?: FaultRule): void
  /** No more faults; requests that hang keep hanging. */
  heal(): void
  /** Method and path of every request so far. */
  readonly seen: readonly string[]
  /** Requests that hang and whose client still waits. */
  readonly hanging: number
}

interface Planned extends FaultRule {
  fault: Fault
  left: number
}

/** @param upstream base URL of the server, http only */
export async function startFaultProxy(upstream: string): Promise<FaultProxy> {
  const { hostname, port } = new URL(upstream)
  const planned: Planned[] = []
  const seen: string[] = []
  let hanging = 0
  const http = createServer((req, res) => {
    seen.push(`${req.method} ${req.url}`)
    const fault = takeFault(planned, req)
    if (fault?.kind === 'hang') {
      hanging++
      res.once('close', () => hanging--)
    }
    // Either side may hang up at any moment: that is what this is for.
    void handle(req, res, { hostname, port }, fault).catch(() => cut(res))
  })
  http.requestTimeout = 0
  // On a busy machine seconds pass between two requests, and a connection that is closed just then fails the second.
  http.keepAliveTimeout = 0
  await listen(http)
  return {
    endpoint: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    inject: (fault, rule = {}) => void planned.push({ ...rule, fault, left: rule.times ?? 1 }),
    heal: () => void planned.splice(0),
    seen,
    get hanging() {
      return hanging
    },
    async [Symbol.asyncDispose]() {
      http.close()
      http.closeAllConnections()
    },
  }
}

function takeFault(planned: Planned[], { method, url = '' }: IncomingMessage): Fault | undefined {
  const rule = planned.find(
    (each) => each.left > 0 && (each.method ?? method) === method && (each.path?.test(url) ?? true),
  )
  if (rule) rule.left--
  return rule?.fault
}

async function handle(
  req: IncomingMessage,
  res: ServerResponse,
  upstream: { hostname: string; port: string },
  fault: Fault | undefined,
): Promise<void> {
  if (fault?.kind === 'hang') return void req.resume()
  if (fault?.kind === 'status') {
    req.resume()
    return void res.writeHead(fault.status, { 'content-length': 0 }).end()
  }
  // Host stays as the client wrote it: signatures and absolute URLs of the server are built from it.
  const { expect: _, ...headers } = req.headers
  const out = request({ ...upstream, method: req.method ?? 'GET', path: req.url ?? '/', headers, agent: false })
  res.once('close', () => out.destroy())
  const answered = once(out, 'response') as Promise<[IncomingMessage]>
  const through = distort(fault, 'upload', res)
  through.once('error', (err) => out.destroy(err))
  req.pipe(through).pipe(out)
  // A server may answer before it read everything: the rest is thrown away, so that the client lives to see the answer.
  out.once('close', () => req.unpipe(through).resume())
  const [answer] = await answered
  await hand(answer, res, fault)
}

async function hand(answer: IncomingMessage, res: ServerResponse, fault: Fault | undefined): Promise<void> {
  if (fault?.kind === 'lose-answer') {
    answer.resume()
    await once(answer, 'end')
    return cut(res)
  }
  res.writeHead(answer.statusCode ?? 502, answer.statusMessage, answer.rawHeaders)
  await pipeline(answer, distort(fault, 'download', res), res)
}

/** Passes bytes on; at the fault's offset one bit is turned, or the connection cut. */
function distort(fault: Fault | undefined, way: 'upload' | 'download', res: ServerResponse): Transform {
  const flipAt = fault && 'atByte' in fault && fault.kind === `flip-${way}` ? fault.atByte : undefined
  const cutAt = fault && 'afterBytes' in fault && fault.kind === `reset-${way}` ? fault.afterBytes : undefined
  let passed = 0
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const start = passed
      passed += chunk.length
      if (flipAt !== undefined) return done(null, flipped(chunk, flipAt - start))
      if (cutAt === undefined || passed <= cutAt) return done(null, chunk)
      this.push(chunk.subarray(0, cutAt - start))
      // A moment for the bytes before the cut to arrive, so that the cut is inside the body for both sides.
      setTimeout(() => {
        cut(res)
        done(new Error('cut on purpose'))
      }, 20)
    },
  })
}

function flipped(chunk: Buffer, at: number): Buffer {
  if (at < 0 || at >= chunk.length) return chunk
  const copy = Buffer.from(chunk)
  copy[at] = (copy[at] as number) ^ 1
  return copy
}

function cut(res: ServerResponse): void {
  res.socket?.resetAndDestroy()
  res.destroy()
}

async function listen(http: Server): Promise<void> {
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
}
