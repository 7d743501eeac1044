import { mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { newSigningKeyPair } from '@lifeboat/shared/signing/signing.ts'
import type { Command } from '../context.ts'
import { writeNew } from '../files.ts'
import { newIdentity } from '../keys/new-identity.ts'

export interface KeyNewArgs {
  out?: string
  /** Names of agents and verifiers that sign. */
  signer?: string[]
}

interface NewKeys {
  recipient: string
  signers: { name: string; publicKey: string; file: string }[]
  files: string[]
}

/**
 * Makes an age identity and one signing pair per signer. Private halves go into files of mode 0600 that must not exist yet; public halves
 * are printed with the lines for lifeboat.yaml.
 */
export const keyNew: Command<KeyNewArgs> = async ({ out = 'lifeboat-keys', signer }, { terminal }) => {
  const folder = resolve(terminal.cwd, out)
  const names = signer?.length ? signer : ['agent', 'verifier']
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const identityFile = join(folder, 'age-identity.txt')
  const identity = await newIdentity(terminal.env.PATH)
  await writeNew(identityFile, identity.text)
  const signers = []
  for (const name of names) {
    const pair = await newSigningKeyPair()
    const file = join(folder, `${name}.signing-key`)
    await writeNew(file, `${pair.privateKey}\n`)
    signers.push({ name, publicKey: pair.publicKey, file })
  }
  const keys = { recipient: identity.recipient, signers, files: [identityFile, ...signers.map(({ file }) => file)] }
  return { value: { ...keys, yaml: yamlLines(keys, identityFile) }, text: () => told(keys, identityFile) }
}

function yamlLines({ recipient, signers }: NewKeys, identityFile: string): string {
  const agents = signers.filter(({ name }) => name !== 'verifier')
  const verifier = signers.find(({ name }) => name === 'verifier')
  return [
    'encryption:',
    `  recipients: [${recipient}]`,
    '  identities:',
    `    main: { recipient: ${recipient} }`,
    'signers:',
    ...signers.map(({ name, publicKey }) => `  ${name}: ${publicKey}`),
    'agents:',
    ...agents.flatMap(({ name, file }) => [`  ${name}:`, `    signingKey: file:${file}`]),
    ...(verifier ? ['verifier:', `  identity: file:${identityFile}`, `  signingKey: file:${verifier.file}`] : []),
    '',
  ].join('\n')
}

function told(keys: NewKeys, identityFile: string): string {
  return [
    'Written, mode 0600, for nobody else to read:',
    ...keys.files.map((file) => `  ${file}`),
    '',
    'For lifeboat.yaml (the names are those of your agents and verifier):',
    '',
    yamlLines(keys, identityFile),
    `Keep a copy of ${identityFile} away from these machines: without it no backup can be read, by anybody.`,
    'Better, let a second key open everything as well, and keep that one offline: `lifeboat key escrow safe`.',
    'Move each signing key to the host that signs with it, and the identity to the verifier only.',
  ].join('\n')
}
