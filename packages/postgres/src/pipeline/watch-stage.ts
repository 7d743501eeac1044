import { Readable } from 'node:stream'
import type { Logger } from '@lifeboat/shared/log/logger.ts'
import type { Stage, StageReceipt } from '../tools/stage.ts'
import { keepTail } from './keep-tail.ts'
import type { Child } from './start-stage.ts'

const LINGER_MS = 1_000

export interface Watching {
  log: Logger
  /** Fired when nobody wants the output any more. */
  signal: AbortSignal
  onStderr?: ((tool: string, line: string) => void) | undefined
}

/** Listens to a program until its end. */
export function watchStage(stage: Stage, child: Child, { log, signal, onStderr }: Watching): Promise<StageReceipt> {
  const said = (line: string) => {
    log.debug({ event: 'tool.said', tool: stage.tool, line }, 'a program wrote to stderr')
    onStderr?.(stage.tool, line)
  }
  return receiptOf(stage, child, said, signal)
}

async function receiptOf(
  stage: Stage,
  child: Child,
  said: (line: string) => void,
  signal: AbortSignal,
): Promise<StageReceipt> {
  const tail = keepTail()
  const listening =
    child.stderr === null
      ? undefined
      : eachLine(child.stderr, (line) => {
          tail.add(line)
          said(line)
        })
  const reporting = stage.reports ? textOf(child.stdio[3] as unknown as Readable) : undefined
  using _linger = hangUpAfter(child, signal)
  const result = await child
  await listening
  const report = await reporting
  return {
    tool: stage.tool,
    ...(result.exitCode === undefined ? {} : { exitCode: result.exitCode }),
    ...(stage.tolerates?.includes(result.exitCode ?? 0) && { tolerated: true }),
    ...(result.signal === undefined ? {} : { signal: result.signal }),
    ...(report === undefined ? {} : { report }),
    ...(result.exitCode === undefined && result.signal === undefined ? { notStarted: result.code ?? 'unknown' } : {}),
    stderr: tail.text(),
    durationMs: Math.round(result.durationMs),
  }
}

/**
 * What a program started and left behind may hold its descriptors open; a moment after the program itself ended we stop listening. Its output
 * is given up only when nobody wants it any more.
 */
function hangUpAfter(child: Child, signal: AbortSignal): Disposable {
  let timer: NodeJS.Timeout | undefined
  child.nodeChildProcess.once('exit', () => {
    timer = setTimeout(() => {
      const heard = [child.stderr, child.stdio[3], ...(signal.aborted ? [child.stdout] : [])]
      for (const stream of heard) if (stream instanceof Readable) stream.destroy()
    }, LINGER_MS)
  })
  return { [Symbol.dispose]: () => clearTimeout(timer) }
}

async function eachLine(from: Readable, take: (line: string) => void): Promise<void> {
  const decoder = new TextDecoder()
  let begun = ''
  try {
    for await (const chunk of from) {
      const lines = (begun + decoder.decode(chunk as Buffer, { stream: true })).split('\n')
      begun = lines.pop() ?? ''
      for (const line of lines) take(line)
    }
  } catch {
    // A killed program takes its stderr with it; what was said so far is kept.
  }
  if (begun !== '') take(begun)
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
