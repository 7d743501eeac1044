import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { newSigningKeyPair } from '@lifeboat/shared/signing/signing.ts'

const run = promisify(execFile)

/** Keys of one world: references for its lifeboat.yaml, and the public halves. */
export interface WorldKeys {
  /** Keeps a secret in a file only we may read; gives the reference for lifeboat.yaml. */
  secret(name: string, value: string): Promise<string>
  /** age public key. */
  recipient: string
  /** age private key. */
  identity: string
  /** What uploaders show the agent. */
  agentToken: string
  /** Makes a signing key: a reference to the private half, the public half as it stands under `signers`. */
  signingKey(name: string): Promise<{ reference: string; publicKey: string }>
}

export async function makeKeys(folder: string): Promise<WorldKeys> {
  await mkdir(folder, { mode: 0o700 })
  const secret = async (name: string, value: string) => {
    const file = join(folder, name)
    await writeFile(file, `${value}\n`, { mode: 0o600 })
    return `file:${file}`
  }
  const identityFile = join(folder, 'age-identity')
  await run('age-keygen', ['-o', identityFile])
  const { stdout } = await run('age-keygen', ['-y', identityFile])
  return {
    secret,
    recipient: stdout.trim(),
    identity: `file:${identityFile}`,
    agentToken: await secret('agent-token', randomBytes(24).toString('base64url')),
    async signingKey(name) {
      const { privateKey, publicKey } = await newSigningKeyPair()
      return { reference: await secret(`${name}-signing-key`, privateKey), publicKey }
    },
  }
}
