import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { pipeline as connect } from 'node:stream/promises'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Logger } from '@lifeboat/shared/log/logger.ts'
import type { Run } from '@lifeboat/shared/run/run.ts'
import { execa, type ResultPromise } from 'execa'
import { diagnoseStage } from '../diagnose.ts'
import type { Stage, StageReceipt } from '../tools/stage.ts'
import { culpritOf } from './blame.ts'
import { keepTail } from './keep-tail.ts'
import { closePipe, openPipe } from './open-pipe.ts'

const KILL_AFTER_MS = 10_000

/** Takes the bytes of the last stage. They end only when every stage succeeded; otherwise reading them throws the reason. */
export type Sink<T> = (bytes: AsyncIterable<Uint8Array>) => Promise<T>

export interface PipelineOptions {
  /** Bytes for the first stage; default none. What it throws is thrown by the pipeline. */
  input?: AsyncIterable<Uint8Array>
  /** Looks at the receipts of stages that all exited 0; may throw, and the sink then never sees the end. */
  accept?: (receipts: readonly StageReceipt[]) => void
  /** Every stderr line, as it comes. */
  onStderr?: (tool: string, line: string) => void
  killAfterMs?: number
}

/**
 * Runs programs joined by their file descriptors; only the last one's bytes enter JavaScript, and only as fast as the sink takes them.
 *
 * On abort, or when the sink fails, every program gets SIGTERM and, after ten seconds, SIGKILL; all have ended when this settles.
 *
 * @throws the abort reason · what `input` or the sink threw · what `diagnose.ts` makes of the stage to blame (SOURCE_… | TOOL_…)
 */
export async function runPipeline<T>(
  stages: readonly Stage[],
  sink: Sink<T>,
  run: Pick<Run, 'signal' | 'log'>,
  opts: PipelineOptions = {},
): Promise<{ result: T; stages: StageReceipt[] }> {
  run.signal.throwIfAborted()
  await using children = startAll(stages, run, opts)
  const feeding = opts.input === undefined ? Promise.resolve() : feed(opts.input, children.stdin)
  // Awaited once the programs have ended; until then its failure must not count as unhandled.
  feeding.catch(() => {})
  const outcome = { proven: false }
  const result = await sink(untilProven(children, feeding, run.signal, opts, outcome))
  if (!outcome.proven) throw new LifeboatError('INTERNAL', { message: 'the sink of a pipeline stopped before its end' })
  return { result, stages: await children.ended }
}

/** The last stage's output, which ends only if everything went well. */
async function* untilProven(
  children: Children,
  feeding: Promise<void>,
  signal: AbortSignal,
  opts: PipelineOptions,
  outcome: { proven: boolean },
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    for await (const chunk of children.stdout) yield chunk as Uint8Array
  } catch (cause) {
    // An aborted child takes its stdout with it.
    if (!signal.aborted) throw cause
  }
  const receipts = await children.ended
  signal.throwIfAborted()
  await feeding
  const culprit = culpritOf(receipts)
  if (culprit !== undefined) throw diagnoseStage(culprit)
  opts.accept?.(receipts)
  outcome.proven = true
}

interface Children extends AsyncDisposable {
  stdin: NonNullable<ResultPromise['stdin']> | undefined
  stdout: Readable
  ended: Promise<StageReceipt[]>
}

type Child = ResultPromise<{ reject: false; buffer: false }>

function startAll(stages: readonly Stage[], run: Pick<Run, 'signal' | 'log'>, opts: PipelineOptions): Children {
  const stop = new AbortController()
  const signal = AbortSignal.any([run.signal, stop.signal])
  const pipes = stages.slice(1).map(openPipe)
  const children = stages.map((stage, index) =>
    start(stage, {
      stdin: pipes[index - 1]?.read ?? (opts.input === undefined ? 'ignore' : 'pipe'),
      stdout: pipes[index]?.write ?? 'pipe',
      cancelSignal: signal,
      forceKillAfterDelay: opts.killAfterMs ?? KILL_AFTER_MS,
    }),
  )
  // Each program has its own ends now; ours would keep a writer from noticing that its reader died.
  for (const pipe of pipes) closePipe(pipe)
  const receipts = children.map((child, index) => watch(stages[index] as Stage, child, run.log, opts.onStderr))
  const ended = Promise.all(receipts)
  return {
    stdin: children[0]?.stdin ?? undefined,
    stdout: children.at(-1)?.stdout ?? Readable.from([]),
    ended,
    async [Symbol.asyncDispose]() {
      stop.abort()
      children.at(-1)?.stdout?.destroy()
      await ended
    },
  }
}

interface Wiring {
  stdin: number | 'ignore' | 'pipe'
  stdout: number | 'pipe'
  cancelSignal: AbortSignal
  forceKillAfterDelay: number
}

function start(stage: Stage, { stdin, stdout, ...control }: Wiring): Child {
  const stdio = [stdin, stdout, 'pipe', ...(stage.reports ? ['pipe'] : [])]
  return execa(stage.program, stage.args, {
    // Any open file descriptor will do; the types of execa know only the standard three.
    stdio: stdio as ['pipe', 'pipe', 'pipe'],
    env: stage.env,
    extendEnv: false,
    buffer: false,
    reject: false,
    stripFinalNewline: false,
    ...control,
  }) as unknown as Child
}

function watch(stage: Stage, child: Child, log: Logger, onStderr: PipelineOptions['onStderr']): Promise<StageReceipt> {
  return receiptOf(stage, child, (line) => {
    log.debug({ event: 'tool.said', tool: stage.tool, line }, 'a program wrote to stderr')
    onStderr?.(stage.tool, line)
  })
}

async function receiptOf(stage: Stage, child: Child, said: (line: string) => void): Promise<StageReceipt> {
  const tail = keepTail()
  const listening =
    child.stderr === null
      ? undefined
      : eachLine(child.stderr, (line) => {
          tail.add(line)
          said(line)
        })
  const reporting = stage.reports ? textOf(child.stdio[3] as unknown as Readable) : undefined
  const result = await child
  await listening
  const report = await reporting
  return {
    tool: stage.tool,
    ...(result.exitCode === undefined ? {} : { exitCode: result.exitCode }),
    ...(result.signal === undefined ? {} : { signal: result.signal }),
    ...(report === undefined ? {} : { report }),
    ...(result.exitCode === undefined && result.signal === undefined ? { notStarted: result.code ?? 'unknown' } : {}),
    stderr: tail.text(),
    durationMs: Math.round(result.durationMs),
  }
}

async function eachLine(from: Readable, take: (line: string) => void): Promise<void> {
  try {
    for await (const line of createInterface({ input: from, crlfDelay: Number.POSITIVE_INFINITY })) take(line)
  } catch {
    // A killed program takes its stderr with it; what was said so far is kept.
  }
}

async function textOf(from: Readable): Promise<string> {
  const chunks: Buffer[] = []
  try {
    for await (const chunk of from) chunks.push(chunk as Buffer)
  } catch {
    // As above: the exit status tells the story.
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** Settles well when the program stops reading early: its exit status tells more than our EPIPE. */
async function feed(input: AsyncIterable<Uint8Array>, stdin: Children['stdin']): Promise<void> {
  if (stdin === undefined) return
  await connect(input, stdin).catch((err: NodeJS.ErrnoException) => {
    if (!['EPIPE', 'ECONNRESET', 'ERR_STREAM_PREMATURE_CLOSE', 'ERR_STREAM_DESTROYED'].includes(err.code ?? ''))
      throw err
  })
}
