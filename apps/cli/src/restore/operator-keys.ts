import { readFile } from 'node:fs/promises'
import { basename, resolve } from 'node:path'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { isSealedKey, type OperatorKey, openOperatorKey } from '@lifeboat/shared/signing/orders.ts'
import type { Terminal } from '../terminal.ts'

export const KEY_SUFFIX = '.operator.pem'
export const PUBLIC_SUFFIX = '.operator.pub'
const WHERE_KEYS_ARE = '`lifeboat operator key list` shows those of a folder, `lifeboat operator key new` makes one'

/** From the environment: what is an argument stands in the process list. */
export function passphraseOf({ env }: Pick<Terminal, 'env'>): string | undefined {
  return env.LIFEBOAT_OPERATOR_PASSPHRASE || undefined
}

/**
 * The key an operator signs with; its name is that of the file, `ann.operator.pem`. Its passphrase is asked for where the environment has none.
 *
 * @throws LifeboatError CLI_USAGE
 */
export async function openKey(
  path: string | undefined,
  terminal: Pick<Terminal, 'env' | 'cwd' | 'askSecret'>,
): Promise<OperatorKey> {
  if (path === undefined)
    throw new LifeboatError('CLI_USAGE', { problem: `name the file of your operator key: --key; ${WHERE_KEYS_ARE}` })
  const name = basename(path)
  if (!name.endsWith(KEY_SUFFIX))
    throw new LifeboatError('CLI_USAGE', { given: path, problem: `an operator key is called <name>${KEY_SUFFIX}` })
  const pem = await readFile(resolve(terminal.cwd, path), 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new LifeboatError(
      'CLI_USAGE',
      { given: path, problem: `it cannot be read (${cause.code}); ${WHERE_KEYS_ARE}` },
      { cause },
    )
  })
  const passphrase =
    passphraseOf(terminal) ?? (isSealedKey(pem) ? await terminal.askSecret?.(`Passphrase of ${path}: `) : undefined)
  return openOperatorKey(name.slice(0, -KEY_SUFFIX.length), pem, passphrase)
}
