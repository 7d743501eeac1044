import { mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { keyFingerprint, newOperatorKey } from '@lifeboat/shared/signing/orders.ts'
import type { Command } from '../context.ts'
import { writeNew } from '../files.ts'
import { KEY_SUFFIX, PUBLIC_SUFFIX, passphraseOf } from '../restore/operator-keys.ts'

export interface OperatorKeyNewArgs {
  name: string
  out?: string
}

/** Makes the key an operator signs commands with. The private half stays with the operator; the public one goes to the agents. */
export const operatorKeyNew: Command<OperatorKeyNewArgs> = async ({ name, out = 'lifeboat-keys' }, { terminal }) => {
  if (!/^[a-z0-9][a-z0-9-]{0,62}$/.test(name))
    throw new LifeboatError('CLI_USAGE', { given: name, problem: 'a name has lower-case letters, digits and dashes' })
  const folder = resolve(terminal.cwd, out)
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const passphrase = passphraseOf(terminal)
  const { pem, publicKey } = newOperatorKey(passphrase)
  const [file, publicFile] = [join(folder, `${name}${KEY_SUFFIX}`), join(folder, `${name}${PUBLIC_SUFFIX}`)]
  await writeNew(file, pem)
  await writeNew(publicFile, `${publicKey}\n`)
  const value = { name, publicKey, fingerprint: keyFingerprint(publicKey), file, encrypted: passphrase !== undefined }
  return {
    value,
    text: (style) =>
      [
        `Written, mode 0600: ${file}`,
        passphrase === undefined
          ? style.warn(
              'It has no passphrase: whoever reads the file may command. Set LIFEBOAT_OPERATOR_PASSPHRASE to give it one.',
            )
          : 'It opens with the passphrase of LIFEBOAT_OPERATOR_PASSPHRASE only.',
        `Fingerprint, to compare with the agents' administrator: ${value.fingerprint}`,
        '',
        "For the lifeboat.yaml of each agent that shall obey, on the agent's own host:",
        '',
        'agents:',
        '  <agent>:',
        '    restore:',
        '      operators:',
        `        ${name}: ${publicKey}`,
      ].join('\n'),
  }
}
