import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { type ErrorReport, LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Extraction, ExtractJob } from './extract-job.ts'

/** `disk`: the code of a system call's error. */
export type Answer = { extraction: Extraction } | { failure: ErrorReport } | { disk: string; message: string }

/** Takes archives apart, one after the other, beside everything else this process does. Disposing ends it. */
export interface ExtractThread extends AsyncDisposable {
  /** @throws LifeboatError those of extractArchive; RECOVERY_NO_ROOM */
  extract(job: ExtractJob): Promise<Extraction>
}

/**
 * A thread of its own: decompressing leaves much garbage of large buffers, and looking for it in the heap of a whole service costs more than the
 * decompression itself.
 */
export function openExtractThread(): ExtractThread {
  const worker = new Worker(new URL('./extract-thread-main.ts', import.meta.url), {
    ...{ execArgv: [], env: {} },
    // A socket closes the descriptor it was made from, and nobody tells: ending the thread would close it again, and whoever got its number.
    trackUnmanagedFds: false,
  })
  return {
    async extract(job) {
      const over = new AbortController()
      const { signal } = over
      worker.postMessage(job)
      try {
        const [answer] = (await Promise.race([once(worker, 'message', { signal }), ended(worker, signal)])) as [Answer]
        if ('extraction' in answer) return answer.extraction
        throw errorOf(answer, job.folder)
      } finally {
        over.abort()
      }
    },
    async [Symbol.asyncDispose]() {
      await worker.terminate()
    },
  }
}

async function ended(worker: Worker, signal: AbortSignal): Promise<never> {
  const [code] = await once(worker, 'exit', { signal })
  throw new LifeboatError('INTERNAL', { message: 'the thread that extracts ended', exitCode: Number(code) })
}

function errorOf(answer: Exclude<Answer, { extraction: unknown }>, path: string): LifeboatError {
  if ('failure' in answer) return new LifeboatError(answer.failure.code, answer.failure.facts)
  const { disk, message } = answer
  if (disk === 'ENOSPC') return new LifeboatError('RECOVERY_NO_ROOM', { path, problem: 'the disk is full' })
  return new LifeboatError('INTERNAL', { message })
}
