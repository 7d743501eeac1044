import type { TarMember } from '../tar/member.ts'

/** Names under which secrets usually lie; `.env.example` and the like hold none. */
const NAMES = /(^|\/)(\.env(\.[^/]+)?|id_(rsa|dsa|ecdsa|ed25519)|\.pgpass|\.netrc)$/
/** Apart from the names: together they take nearly twice as long, and every file is asked. */
const ENDINGS = /[^/]\.(pem|key|p12|pfx|jks|keystore)$/
const SAMPLES = /\.(example|sample|template|dist|pub)$/
const PRIVATE_KEY = /-----BEGIN (\w+ )*PRIVATE KEY-----|^AGE-SECRET-KEY-1/m
/** What any such key has in it: to look for bytes is cheap, and done for every file. */
const TRACE = Buffer.from('KEY')
const READ_BY_OTHERS = 0o044

/** How much of a file is looked at. */
export const HEAD_BYTES = 512

/** Whether a file looks like a secret in plain sight. @param name bytes as latin1 @param contents or how they begin */
export function looksSecret(name: string, contents: Buffer): boolean {
  const head = contents.length > HEAD_BYTES ? contents.subarray(0, HEAD_BYTES) : contents
  if (isSecretName(name)) return !name.endsWith('.pem') || hasPrivateKey(head)
  return head.includes(TRACE) && hasPrivateKey(head)
}

/** Whether a file is called like a secret; certificates are called `.pem` like private keys. @param name bytes as latin1 */
export function isSecretName(name: string): boolean {
  return (NAMES.test(name) || ENDINGS.test(name)) && !SAMPLES.test(name)
}

function hasPrivateKey(head: Buffer): boolean {
  return PRIVATE_KEY.test(head.toString('latin1'))
}

/** Whether more than its owner may read it. */
export function isExposed({ mode }: Pick<TarMember, 'mode'>): boolean {
  return (mode & READ_BY_OTHERS) !== 0
}
