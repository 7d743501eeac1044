import { closeSync } from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline as connect } from 'node:stream/promises'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Run } from '@lifeboat/shared/run/run.ts'
import { diagnoseStage } from '../diagnose.ts'
import type { Stage, StageReceipt } from '../tools/stage.ts'
import { culpritOf, lostItsReader } from './blame.ts'
import { closePipe, openPipe, openPipes, type PipeEnds } from './open-pipe.ts'
import { type Child, startStage } from './start-stage.ts'
import { watchStage } from './watch-stage.ts'

const KILL_AFTER_MS = 10_000
/** What writing to a program says that does not read any more; ECANCELED to a write that was under way when it ended. */
const HUNG_UP = ['EPIPE', 'ECONNRESET', 'ECANCELED', 'ERR_STREAM_PREMATURE_CLOSE', 'ERR_STREAM_DESTROYED']

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

/** Reads the last stage's output from an open descriptor to its end, or fails; closes it in any case, so that a program that still writes learns of it. */
export type DescriptorSink<T> = (fd: number) => Promise<T>

/**
 * The same for a sink in another thread, which reads the last program's pipe by itself: those bytes never pass through this one.
 *
 * The sink sees an end also when a program failed; what it made of the bytes counts only when this resolves.
 *
 * @throws as `runPipeline`
 */
export async function runPipelineApart<T>(
  stages: readonly Stage[],
  sink: DescriptorSink<T>,
  run: Pick<Run, 'signal' | 'log'>,
  opts: PipelineOptions = {},
): Promise<{ result: T; stages: StageReceipt[] }> {
  run.signal.throwIfAborted()
  const last = openPipe()
  await using children = startApart(last, stages, run, opts)
  const feeding = opts.input === undefined ? Promise.resolve() : feed(opts.input, children.stdin)
  feeding.catch(() => {})
  const [sunk] = await Promise.allSettled([sink(last.read)])
  const receipts = await children.ended
  run.signal.throwIfAborted()
  await feeding
  const culprit = culpritOf(receipts)
  const hungUp = sunk.status === 'rejected' && culprit === receipts.at(-1) && culprit && lostItsReader(culprit)
  if (culprit !== undefined && !hungUp) throw diagnoseStage(culprit)
  if (sunk.status === 'rejected') throw sunk.reason
  opts.accept?.(receipts)
  return { result: sunk.value, stages: receipts }
}

function startApart(last: PipeEnds, ...[stages, run, opts]: Parameters<typeof startAll>): Children {
  try {
    return startAll(stages, run, opts, last.write)
  } catch (thrown) {
    closeSync(last.read)
    throw thrown
  } finally {
    closeSync(last.write)
  }
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
  stdin: Child['stdin'] | undefined
  stdout: Readable
  ended: Promise<StageReceipt[]>
}

/** @param output where the last program writes; default to us */
function startAll(
  stages: readonly Stage[],
  run: Pick<Run, 'signal' | 'log'>,
  opts: PipelineOptions,
  output?: number,
): Children {
  const stop = new AbortController()
  const signal = AbortSignal.any([run.signal, stop.signal])
  const pipes = openPipes(stages.length - 1)
  const children = stages.map((stage, index) =>
    startStage(stage, {
      stdin: pipes[index - 1]?.read ?? (opts.input === undefined ? 'ignore' : 'pipe'),
      stdout: pipes[index]?.write ?? output ?? 'pipe',
      cancelSignal: signal,
      forceKillAfterDelay: opts.killAfterMs ?? KILL_AFTER_MS,
    }),
  )
  // NOTE: Node and execa throw away what a program wrote when nobody has begun to read by the time it ends; a listener counts as reading. A sink
  // may have to open a file first.
  children.at(-1)?.stdout?.on('readable', () => {})
  // Each program has its own ends now; ours would keep a writer from noticing that its reader died.
  for (const pipe of pipes) closePipe(pipe)
  const receipts = children.map((child, index) =>
    watchStage(stages[index] as Stage, child, { ...opts, log: run.log, signal }),
  )
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

/** Settles well when the program stops reading early: its exit status tells more than our EPIPE. */
async function feed(input: AsyncIterable<Uint8Array>, stdin: Children['stdin']): Promise<void> {
  if (!stdin) return
  await connect(input, stdin).catch((err: NodeJS.ErrnoException) => {
    if (!HUNG_UP.includes(err.code ?? '')) throw err
  })
}
