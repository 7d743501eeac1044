import { mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { suggestName } from '@lifeboat/config/did-you-mean.ts'
import type { LifeboatConfig } from '@lifeboat/config/lifeboat-config.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Command } from '../context.ts'
import { writeNew } from '../files.ts'
import { demandIdentityName } from '../keys/identity-name.ts'
import { newIdentity } from '../keys/new-identity.ts'
import { readIdentity } from '../keys/read-identity.ts'
import { readSettings } from '../open-fleet.ts'

export interface KeyRotateArgs {
  old: string
  name: string
  /** File of the old identity: the new file then opens older backups too. */
  identity?: string
  out?: string
}

/**
 * Makes the identity that takes the place of another for what is backed up from now on. Nothing is encrypted anew: the old one stays declared, and opens
 * what is older, until nothing kept needs it.
 */
export const keyRotate: Command<KeyRotateArgs> = async ({ old, name, identity, out = 'lifeboat-keys' }, context) => {
  const { terminal } = context
  demandIdentityName(name)
  const { encryption } = (await readSettings(context, ['encryption'])).config
  demandFit(encryption, old, name)
  const before = identity === undefined ? undefined : await readIdentity(identity, terminal)
  const made = await newIdentity(terminal.env.PATH)
  const folder = resolve(terminal.cwd, out)
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const file = join(folder, `${name}.age-identity.txt`)
  await writeNew(file, before ? `${made.text.trimEnd()}\n${before.reveal()}\n` : made.text)
  const yaml = yamlOf(rotated(encryption, { old, name, recipient: made.recipient }))
  const text = () => told({ old, file, yaml, holdsOld: before !== undefined })
  return { value: { old, name, recipient: made.recipient, file, holdsOld: before !== undefined, yaml }, text }
}

type Encryption = LifeboatConfig['encryption']

function demandFit({ identities, recipients }: Encryption, old: string, name: string): void {
  const retiring = identities[old]
  const suggestion = suggestName(old, Object.keys(identities))
  if (!retiring)
    throw new LifeboatError('CLI_USAGE', { given: old, problem: 'no identity is declared under this name', suggestion })
  if (!recipients.includes(retiring.recipient))
    throw new LifeboatError('CLI_USAGE', { given: old, problem: 'it is retired already: nothing is encrypted to it' })
  if (identities[name])
    throw new LifeboatError('CLI_USAGE', { given: name, problem: 'an identity of this name is declared already' })
}

function rotated(
  { recipients, identities }: Encryption,
  by: { old: string; name: string; recipient: string },
): Encryption {
  const { recipient: retired, escrow } = identities[by.old] as Encryption['identities'][string]
  return {
    recipients: recipients.map((each) => (each === retired ? by.recipient : each)),
    identities: { ...identities, [by.name]: { recipient: by.recipient, escrow } },
  }
}

function yamlOf({ recipients, identities }: Encryption): string {
  const named = Object.entries(identities).map(([name, identity]) => `    ${name}: ${JSON.stringify(identity)}`)
  return ['encryption:', `  recipients: [${recipients.join(', ')}]`, '  identities:', ...named, ''].join('\n')
}

function told({ old, file, yaml, holdsOld }: { old: string; file: string; yaml: string; holdsOld: boolean }): string {
  return [
    `Written, mode 0600: ${file}${holdsOld ? `, with ${old} behind it: it opens older backups too` : ''}`,
    '',
    '1. In lifeboat.yaml:',
    '',
    yaml,
    `2. Where ${old} is used (the verifier, operators), use this file${holdsOld ? '' : `, with the contents of the old one behind it: older backups open with ${old} only`}. Restart the verifier.`,
    '3. Restart the agents. From then on backups and WAL are encrypted to the new key; no older one is touched.',
    `4. \`lifeboat key check --without ${old}\` says whether anything kept still needs ${old}. Destroy it only when nothing does, and until then leave ${old} declared: the new key alone opens none of it.`,
  ].join('\n')
}
