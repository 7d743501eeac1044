import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'

/** A key pair of age's own kind. */
export interface X25519Identity {
  privateKey: KeyObject
  /** Raw, 32 bytes. */
  publicKey: Buffer
}

const PREFIX = 'AGE-SECRET-KEY-1'
const ALPHABET = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l'
const CHECKSUM_LETTERS = 6
const KEY_BYTES = 32
/** An X25519 key in DER is this and the 32 bytes of the key. */
const PKCS8 = Buffer.from('302e020100300506032b656e04220420', 'hex')

/**
 * The keys of an age identity file. undefined when one is of another kind (a plugin's, SSH, post-quantum), which only the program understands.
 *
 * The checksum in a key is not looked at: a key with a wrong letter opens nothing.
 *
 * @see https://github.com/C2SP/C2SP/blob/main/age.md – Bech32 of the scalar
 */
export function x25519Identities(text: string): X25519Identity[] | undefined {
  const lines = text.split('\n').map((line) => line.trim())
  const identities = lines.filter((line) => line !== '' && !line.startsWith('#')).map(readIdentity)
  const known = identities.filter((identity) => identity !== undefined)
  return known.length === identities.length ? known : undefined
}

function readIdentity(line: string): X25519Identity | undefined {
  if (!line.startsWith(PREFIX)) return undefined
  const letters = [...line.slice(PREFIX.length, -CHECKSUM_LETTERS).toLowerCase()]
  const bits = letters.map((letter) => ALPHABET.indexOf(letter).toString(2).padStart(5, '0')).join('')
  const bytes = (bits.match(/[01]{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2))
  if (bytes.length !== KEY_BYTES) return undefined
  const privateKey = createPrivateKey({ key: Buffer.from([...PKCS8, ...bytes]), format: 'der', type: 'pkcs8' })
  const { x = '' } = createPublicKey(privateKey).export({ format: 'jwk' })
  return { privateKey, publicKey: Buffer.from(x, 'base64url') }
}
