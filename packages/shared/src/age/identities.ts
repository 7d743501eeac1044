import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import { bech32Bytes, bech32Text } from './bech32.ts'
import { KEY_BYTES, rawKey } from './format.ts'

/** A key pair of age's own kind. */
export interface X25519Identity {
  privateKey: KeyObject
  /** Raw, 32 bytes. */
  publicKey: Buffer
}

const PREFIX = 'age-secret-key-'
/** An X25519 key in DER is this and the 32 bytes of the key. */
const PKCS8 = Buffer.from('302e020100300506032b656e04220420', 'hex')

/**
 * The keys of an age identity file. undefined when one is of another kind (a plugin's, SSH, post-quantum) or mistyped: those are for the program
 * to understand or to refuse.
 *
 * @see https://github.com/C2SP/C2SP/blob/main/age.md – Bech32 of the scalar
 */
export function x25519Identities(text: string): X25519Identity[] | undefined {
  const lines = text.split('\n').map((line) => line.trim())
  const identities = lines.filter((line) => line !== '' && !line.startsWith('#')).map(readIdentity)
  const known = identities.filter((identity) => identity !== undefined)
  return known.length === identities.length ? known : undefined
}

/** Its public half as it stands under `recipients`. */
export function recipientOf({ publicKey }: X25519Identity): string {
  return bech32Text('age', publicKey)
}

function readIdentity(line: string): X25519Identity | undefined {
  if (line !== line.toUpperCase()) return undefined
  const bytes = bech32Bytes(PREFIX, line.toLowerCase())
  if (bytes?.length !== KEY_BYTES) return undefined
  const privateKey = createPrivateKey({ key: Buffer.concat([PKCS8, bytes]), format: 'der', type: 'pkcs8' })
  return { privateKey, publicKey: rawKey(createPublicKey(privateKey)) }
}
