import { mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { openWithPassphrase, sealWithPassphrase } from '@lifeboat/shared/age/passphrase.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Command } from '../context.ts'
import { writeNew } from '../files.ts'
import { demandIdentityName } from '../keys/identity-name.ts'
import { newIdentity } from '../keys/new-identity.ts'
import { newPassphrase } from '../keys/passphrase.ts'

/** Makes an identity that is kept away from every machine: sealed with a passphrase, as text that survives paper. It was never on a disk unsealed. */
export const keyEscrow: Command<{ name: string; out?: string }> = async (
  { name, out = 'lifeboat-keys' },
  { terminal },
) => {
  demandIdentityName(name)
  const folder = resolve(terminal.cwd, out)
  const passphrase = await newPassphrase(terminal)
  const { text, recipient } = await newIdentity(terminal.env.PATH)
  const sealed = sealWithPassphrase(text, passphrase)
  if ((await openWithPassphrase(sealed, passphrase, name)) !== text)
    throw new LifeboatError('INTERNAL', { message: 'what was sealed does not open' })
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const file = join(folder, `${name}.escrow.age`)
  await writeNew(file, sealed)
  const yaml = `encryption:\n  recipients: [ …, ${recipient}]\n  identities:\n    ${name}: { recipient: ${recipient}, escrow: true, kept: where you put it }\n`
  return {
    value: { name, recipient, file, yaml },
    text: () =>
      [
        `Written, mode 0600, opens with its passphrase only: ${file}`,
        'Print it or put it on a stick, keep the passphrase in another place, and remove it from this machine.',
        '',
        'For lifeboat.yaml; restart the agents afterwards:',
        '',
        yaml,
        `When the first backup is encrypted to it, prove it: lifeboat key prove --from TARGET --identity ${file}`,
      ].join('\n'),
  }
}
