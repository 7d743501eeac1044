import { runPipeline } from '@lifeboat/postgres/pipeline/run-pipeline.ts'
import { secretFile } from '@lifeboat/postgres/pipeline/secret-file.ts'
import { findProgram } from '@lifeboat/postgres/tools/find-tools.ts'
import { BASE_ENV } from '@lifeboat/postgres/tools/stage.ts'
import type { Manifest } from '@lifeboat/shared/domain/manifest.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Reader } from './reader.ts'
import { whole } from './unseal.ts'

/**
 * Asks whether this identity is one the manifest names, before anything is fetched.
 *
 * @throws LifeboatError ARTIFACT_KEY_WRONG – our lack, not the backup's
 */
export async function demandKey(
  reader: Pick<Reader, 'identity' | 'toolPaths' | 'run'>,
  manifest: Pick<Manifest, 'recipients'>,
): Promise<void> {
  const ours = await recipientsOf(reader)
  if (!ours.some((recipient) => manifest.recipients.includes(recipient)))
    throw new LifeboatError('ARTIFACT_KEY_WRONG', {
      problem: 'the manifest names other recipients',
      recipients: manifest.recipients,
      ours,
    })
}

async function recipientsOf(reader: Pick<Reader, 'identity' | 'toolPaths' | 'run'>): Promise<string[]> {
  const keygen = await findProgram('age-keygen', reader)
  using identity = secretFile(reader.identity)
  const stage = {
    tool: 'age-keygen',
    program: keygen.path,
    args: ['-y', '/dev/fd/3'],
    env: BASE_ENV,
    inherits: identity.fd,
  }
  const { result } = await runPipeline([stage], whole, reader.run)
  return result.split('\n').filter((line) => line !== '')
}
