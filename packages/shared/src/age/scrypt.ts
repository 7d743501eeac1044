import { createSecretKey, type KeyObject, scryptSync } from 'node:crypto'
import { KEY_BYTES, openBox, TAG_BYTES, WRAP_NONCE } from './format.ts'

const LABEL = 'age-encryption.org/v1/scrypt'
/** A file of a stranger could ask for a day of work. */
const MOST_WORK = 22

/** The file key of `-> scrypt SALT WORK`; undefined when it is no such stanza or another passphrase. */
export function unwrapByPassphrase(args: readonly string[], body: Buffer, passphrase: string): Buffer | undefined {
  const [kind, salt = '', work = ''] = args
  if (kind !== 'scrypt' || !/^[1-9]\d?$/.test(work) || Number(work) > MOST_WORK || body.length <= TAG_BYTES)
    return undefined
  try {
    return openBox(passphraseKey(passphrase, Buffer.from(salt, 'base64'), Number(work)), WRAP_NONCE, body)
  } catch {
    return undefined
  }
}

/**
 * The key a file key is wrapped under for who knows the passphrase.
 *
 * @param work power of two
 * @see https://github.com/C2SP/C2SP/blob/main/age.md – scrypt recipient stanza
 */
export function passphraseKey(passphrase: string, salt: Buffer, work: number): KeyObject {
  const cost = 2 ** work
  const options = { N: cost, r: 8, p: 1, maxmem: 2 * 128 * cost * 8 }
  return createSecretKey(scryptSync(passphrase, Buffer.concat([Buffer.from(LABEL), salt]), KEY_BYTES, options))
}
