import { once } from 'node:events'
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads'
import { type ErrorReport, LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { ContentsApart } from '../fetch/unseal.ts'
import type { Extraction, ExtractJob } from './extract-job.ts'

/** `disk`: the code of a system call's error. */
export type Answer = { extraction: Extraction } | { failure: ErrorReport } | { disk: string; message: string }

/** Unpacks artifacts, one after the other, beside everything else this process does. Disposing ends it, also in the middle of one. */
export interface ExtractThread extends AsyncDisposable {
  /** After a failure the thread is good for nothing more. @throws LifeboatError those of extractArtifact; RECOVERY_NO_ROOM · what `contents` throws · the signal's reason */
  extract(job: Omit<ExtractJob, 'from'>, contents: ContentsApart, signal: AbortSignal): Promise<Extraction>
}

/**
 * A thread of its own: decompressing leaves much garbage of large buffers, and looking for it in the heap of a whole service costs more than the
 * decompression itself.
 */
export function openExtractThread(): ExtractThread {
  // Ended in the middle of one, it closes what it had open: nobody else knows of the file.
  const worker = new Worker(new URL('./extract-thread-main.ts', import.meta.url), { execArgv: [], env: {} })
  const gone = goneOf(worker)
  return {
    async extract(job, contents, signal) {
      const over = new AbortController()
      const stop = AbortSignal.any([signal, over.signal])
      const { port1: ours, port2: theirs } = new MessageChannel()
      const from = 'fd' in contents ? { fd: contents.fd } : { files: theirs, identity: contents.identity }
      worker.postMessage({ ...job, from } satisfies ExtractJob, 'fd' in contents ? [] : [theirs])
      const handing = 'fd' in contents ? Promise.resolve() : handOver(contents.parts, ours, stop)
      try {
        const [extraction] = await Promise.all([extracted(worker, gone, job.folder, stop), handing])
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

/** One part at a time: the next is asked for when the last was read. */
async function handOver(parts: AsyncIterable<string>, port: MessagePort, signal: AbortSignal): Promise<void> {
  for await (const file of parts) {
    port.postMessage(file)
    await once(port, 'message', { signal })
  }
  port.postMessage(null)
}

async function extracted(
  worker: Worker,
  gone: Promise<never>,
  folder: string,
  signal: AbortSignal,
): Promise<Extraction> {
  const [answer] = (await Promise.race([once(worker, 'message', { signal }), gone])) as [Answer]
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
  if (disk === 'ENOSPC') return new LifeboatError('RECOVERY_NO_ROOM', { path, problem: 'the disk is full' })
  return new LifeboatError('INTERNAL', { message })
}
