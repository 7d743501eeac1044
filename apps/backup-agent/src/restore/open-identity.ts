import { runPipeline } from '@lifeboat/postgres/pipeline/run-pipeline.ts'
import { secretFile } from '@lifeboat/postgres/pipeline/secret-file.ts'
import { unage } from '@lifeboat/postgres/tools/age.ts'
import { findProgram } from '@lifeboat/postgres/tools/find-tools.ts'
import { whole } from '@lifeboat/recovery/fetch/unseal.ts'
import { Secret } from '@lifeboat/shared/config/secret.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Run } from '@lifeboat/shared/run/run.ts'

/**
 * The identity that opens a backup, as an operator sealed it to this agent. It lives in memory, and dies with whoever holds it.
 *
 * @throws LifeboatError ARTIFACT_KEY_WRONG – it is sealed to somebody else
 */
export async function openIdentity(
  sealed: string,
  own: Secret,
  { toolPaths, run }: { toolPaths: readonly string[]; run: Pick<Run, 'signal' | 'log'> },
): Promise<Secret> {
  const { path: program } = await findProgram('age', { toolPaths })
  using identity = secretFile(own)
  const input = (async function* () {
    yield Buffer.from(sealed)
  })()
  try {
    return new Secret(
      (await runPipeline([unage({ program, identity: identity.fd })], whole, run as Run, { input })).result,
    )
  } catch (cause) {
    run.signal.throwIfAborted()
    const problem = 'what opens the backup is not sealed to this agent: compare `restore.recipient` with its identity'
    throw new LifeboatError('ARTIFACT_KEY_WRONG', { problem }, { cause })
  }
}
