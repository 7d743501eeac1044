import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'

const run = promisify(execFile)

/**
 * A new age identity, in memory only.
 *
 * @throws LifeboatError TOOL_MISSING | TOOL_FAILED
 */
export async function newIdentity(path: string | undefined): Promise<{ text: string; recipient: string }> {
  try {
    const { stdout } = await run('age-keygen', [], { env: { ...(path === undefined ? {} : { PATH: path }) } })
    const recipient = /age1[0-9a-z]+/.exec(stdout)?.[0]
    if (recipient === undefined)
      throw new LifeboatError('TOOL_FAILED', { tool: 'age-keygen', problem: 'it printed no public key' })
    return { text: stdout, recipient }
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause
    throw new LifeboatError('TOOL_MISSING', { tool: 'age-keygen', package: 'age' }, { cause })
  }
}
