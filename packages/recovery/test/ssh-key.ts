import { generateKeyPairSync } from 'node:crypto'

/** A key as SSH has it. */
export function sshKey(): { identity: string; recipient: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const fields = [Buffer.from('ssh-ed25519'), Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url')]
  const wire = Buffer.concat(fields.flatMap((field) => [Buffer.from([0, 0, 0, field.length]), field]))
  return {
    identity: privateKey.export({ format: 'pem', type: 'pkcs8' }) as string,
    recipient: `ssh-ed25519 ${wire.toString('base64')}`,
  }
}
