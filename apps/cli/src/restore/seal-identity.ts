import { runPipeline } from '@lifeboat/postgres/pipeline/run-pipeline.ts'
import { age } from '@lifeboat/postgres/tools/age.ts'
import { findProgram } from '@lifeboat/postgres/tools/find-tools.ts'
import { whole } from '@lifeboat/recovery/fetch/unseal.ts'
import type { Secret } from '@lifeboat/shared/config/secret.ts'
import { RunId } from '@lifeboat/shared/domain/ids.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { readIdentity } from '../keys/read-identity.ts'
import type { Terminal } from '../terminal.ts'

/** The same of the file of `--identity`. @throws LifeboatError those of readIdentity */
export async function sealIdentityFile(
  file: string | undefined,
  recipient: string,
  terminal: Terminal,
): Promise<string> {
  return sealIdentity(await readIdentity(file, terminal), recipient, terminal.signal)
}

/**
 * Encrypts the identity that opens a backup to one agent, so that nobody else on the way can use it.
 *
 * @returns armored age
 * @throws LifeboatError TOOL_MISSING | TOOL_FAILED
 */
async function sealIdentity(identity: Secret, recipient: string, signal: AbortSignal): Promise<string> {
  const { path: program } = await findProgram('age', { toolPaths: [] })
  const stage = age({ program, recipients: [recipient] })
  const input = (async function* () {
    yield Buffer.from(identity.reveal())
  })()
  const run = { id: RunId.parse('seal'), signal, log: silentLogger, report() {} }
  return (await runPipeline([{ ...stage, args: ['--armor', ...stage.args] }], whole, run, { input })).result
}
