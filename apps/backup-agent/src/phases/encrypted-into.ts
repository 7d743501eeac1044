import { runPipeline, type Sink } from '@lifeboat/postgres/pipeline/run-pipeline.ts'
import { age } from '@lifeboat/postgres/tools/age.ts'
import { encrypted, nativeRecipients } from '@lifeboat/shared/age/encrypt.ts'
import type { BackupRun } from '../backup-run.ts'
import type { BaseToolbox } from '../toolbox.ts'

/**
 * A sink that encrypts what it takes on its way into another. By ourselves, without the way through a program (ADR 26); recipients that only the age program knows are left to it.
 *
 * The other one sees an end only where there was one: what the bytes throw goes through.
 */
export function encryptedInto<T>(
  sink: Sink<T>,
  run: Pick<BackupRun, 'recipients' | 'signal' | 'log'>,
  tools: Pick<BaseToolbox, 'age'>,
): Sink<T> {
  const keys = nativeRecipients(run.recipients)
  if (keys !== undefined) return (bytes) => sink(encrypted(bytes, keys))
  const stages = [age({ program: tools.age.path, recipients: run.recipients })]
  return async (input) => (await runPipeline(stages, sink, run, { input })).result
}
