import { once } from 'node:events'
import { getCompileCacheDir } from 'node:module'
import { dirname } from 'node:path'
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { orAborted } from '@lifeboat/shared/run/or-aborted.ts'
import { isFull } from '../disk-full.ts'
import type { ContentsApart } from '../fetch/unseal.ts'
import type { Answer, Grown, Progress } from './extract-answer.ts'
import type { Extraction, ExtractJob } from './extract-job.ts'

export type ThreadJob = Omit<ExtractJob, 'from'> & {
  /** Told what of a dump is in its file, as soon as its table of contents is. */
  onGrown?: (grown: Grown) => void
}

/** Unpacks artifacts, one after the other, beside everything else this process does. Disposing ends it, also in the middle of one. */
export interface ExtractThread extends AsyncDisposable {
  /** After a failure the thread is good for nothing more. @throws LifeboatError those of extractArtifact; RECOVERY_DISK_FULL · what `contents` throws · the signal's reason */
  extract(job: ThreadJob, contents: ContentsApart, signal: AbortSignal): Promise<Extraction>
}

/**
 * A thread of its own: decompressing leaves much garbage of large buffers, and looking for it in the heap of a whole service costs more than the
 * decompression itself.
 */
export function openExtractThread(): ExtractThread {
  // Ended in the middle of one, it closes what it had open: nobody else knows of the file.
  const worker = new Worker(new URL('./extract-thread-main.ts', import.meta.url), { execArgv: [], env: compiledEnv() })
  const gone = goneOf(worker)
  return {
    async extract({ onGrown, ...job }, contents, signal) {
      const over = new AbortController()
      const stop = AbortSignal.any([signal, over.signal])
      const { port1: ours, port2: theirs } = new MessageChannel()
      const from = 'fd' in contents ? { fd: contents.fd } : { files: theirs, identity: contents.identity }
      worker.postMessage({ ...job, from } satisfies ExtractJob, 'fd' in contents ? [] : [theirs])
      const handing = 'fd' in contents ? Promise.resolve() : handOver(contents.parts, ours, stop)
      try {
        const [extraction] = await Promise.all([extracted(answerOf(worker, stop, onGrown), gone, job.folder), handing])
        return extraction
      } catch (thrown) {
        signal.throwIfAborted()
        throw thrown
      } finally {
        over.abort()
        await handing.catch(() => {})
        ours.close()
      }
    },
    async [Symbol.asyncDispose]() {
      await worker.terminate()
    },
  }
}

/**
 * What Node has made of sources before, where this process keeps it: of the environment alone a thread learns that. Otherwise it erases the types
 * anew, and what does that takes 30 MB and a tenth of a second.
 */
function compiledEnv(): NodeJS.ProcessEnv {
  const kept = getCompileCacheDir()
  // Told is the folder of this very Node, below the one that is set.
  return kept === undefined ? {} : { NODE_COMPILE_CACHE: dirname(kept) }
}

/** One part at a time: the next is asked for when the last was read. */
async function handOver(parts: AsyncIterable<string>, port: MessagePort, signal: AbortSignal): Promise<void> {
  for await (const file of parts) {
    port.postMessage(file)
    await once(port, 'message', { signal })
  }
  port.postMessage(null)
}

/** @throws the signal's reason */
async function answerOf(
  worker: Worker,
  signal: AbortSignal,
  onGrown: (grown: Grown) => void = () => {},
): Promise<Answer> {
  const { promise, resolve } = Promise.withResolvers<Answer>()
  const hear = (word: Answer | Progress) => ('grown' in word ? onGrown(word.grown) : resolve(word))
  worker.on('message', hear)
  try {
    return await orAborted(promise, signal)
  } finally {
    worker.off('message', hear)
  }
}

async function extracted(answering: Promise<Answer>, gone: Promise<never>, folder: string): Promise<Extraction> {
  const answer = await Promise.race([answering, gone])
  if ('extraction' in answer) return answer.extraction
  throw errorOf(answer, folder)
}

/** Listened for from the beginning: a thread may also end before there is anything to extract. */
function goneOf(worker: Worker): Promise<never> {
  const gone = once(worker, 'exit').then(([code]) => {
    throw new LifeboatError('INTERNAL', { message: 'the thread that extracts ended', exitCode: Number(code) })
  })
  // Told to whoever asks for an extraction, if anybody does.
  gone.catch(() => {})
  return gone
}

function errorOf(answer: Exclude<Answer, { extraction: unknown }>, path: string): LifeboatError {
  if ('failure' in answer) return new LifeboatError(answer.failure.code, answer.failure.facts)
  const { disk, message } = answer
  if (isFull(disk)) return new LifeboatError('RECOVERY_DISK_FULL', { path, systemCode: disk })
  return new LifeboatError('INTERNAL', { message })
}
