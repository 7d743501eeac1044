import { parentPort } from 'node:worker_threads'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Answer, Progress } from './extract-answer.ts'
import { type ExtractJob, extractArtifact } from './extract-job.ts'

parentPort?.on('message', async (job: ExtractJob) => parentPort?.postMessage(await answer(job)))

async function answer(job: ExtractJob): Promise<Answer> {
  try {
    return { extraction: await extractArtifact(job, (grown) => parentPort?.postMessage({ grown } satisfies Progress)) }
  } catch (thrown) {
    // An error keeps neither its class nor its code on the way between threads.
    if (thrown instanceof LifeboatError) return { failure: thrown.toReport() }
    return { disk: String((thrown as NodeJS.ErrnoException).code), message: String(thrown) }
  }
}
