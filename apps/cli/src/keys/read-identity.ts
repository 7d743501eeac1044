import { readFile, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { isSealed, openWithPassphrase } from '@lifeboat/shared/age/passphrase.ts'
import { Secret } from '@lifeboat/shared/config/secret.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Terminal } from '../terminal.ts'
import { askPassphrase } from './passphrase.ts'

/**
 * An age identity out of its file, which nobody else may read; the passphrase of one that has one is asked for.
 *
 * @throws LifeboatError CLI_USAGE | CONFIG_SECRET_MISSING | CONFIG_SECRET_EXPOSED | ARTIFACT_UNREADABLE
 */
export async function readIdentity(
  file: string | undefined,
  terminal: Pick<Terminal, 'env' | 'cwd' | 'askSecret'>,
): Promise<Secret> {
  if (file === undefined)
    throw new LifeboatError('CLI_USAGE', { problem: 'name the file of the age identity: --identity' })
  const path = resolve(terminal.cwd, file)
  const { mode } = await stat(path).catch(missing(path))
  // Nobody guesses a passphrase by looking; what has none is the key itself.
  const text = await readFile(path, 'latin1').catch(missing(path))
  if (isSealed(text)) {
    const passphrase = await askPassphrase(`Passphrase of ${file}: `, terminal)
    return new Secret(await openWithPassphrase(text, passphrase, file).catch(otherPassphrase(file)))
  }
  if (mode & 0o077) throw new LifeboatError('CONFIG_SECRET_EXPOSED', { path, mode: `0${(mode & 0o777).toString(8)}` })
  if (text.trim() === '') throw new LifeboatError('CONFIG_SECRET_MISSING', { path, problem: 'it is empty' })
  return new Secret(text.trimEnd())
}

function otherPassphrase(file: string) {
  return (cause: unknown): never => {
    if (LifeboatError.from(cause).code !== 'ARTIFACT_KEY_WRONG') throw cause
    const problem = 'it was sealed with another passphrase than this one'
    throw new LifeboatError('CLI_USAGE', { given: file, problem }, { cause })
  }
}

function missing(path: string) {
  return (cause: NodeJS.ErrnoException): never => {
    const problem = cause.code === 'ENOENT' ? 'the file does not exist' : `the file cannot be read (${cause.code})`
    throw new LifeboatError('CONFIG_SECRET_MISSING', { path, problem }, { cause })
  }
}
