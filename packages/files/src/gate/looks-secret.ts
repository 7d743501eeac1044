import type { TarMember } from '../tar/member.ts'

/** Names under which secrets usually lie; `.env.example` and the like hold none. */
const NAMES =
  /(^|\/)(\.env(\.[^/]+)?|id_(rsa|dsa|ecdsa|ed25519)|[^/]+\.(pem|key|p12|pfx|jks|keystore)|\.pgpass|\.netrc)$/
const SAMPLES = /\.(example|sample|template|dist|pub)$/
const PRIVATE_KEY = /-----BEGIN (\w+ )*PRIVATE KEY-----|^AGE-SECRET-KEY-1/m
const READ_BY_OTHERS = 0o044

/** How much of a file is looked at. */
export const HEAD_BYTES = 512

/** Whether a file looks like a secret in plain sight, and whether more than its owner may read it. */
export function looksSecret({ name, type }: TarMember, head: Buffer): boolean {
  if (type !== 'file') return false
  const text = name.toString('latin1')
  if (NAMES.test(text) && !SAMPLES.test(text))
    return !text.endsWith('.pem') || PRIVATE_KEY.test(head.toString('latin1'))
  return head.includes('PRIVATE KEY') || head.includes('AGE-SECRET-KEY-1')
    ? PRIVATE_KEY.test(head.toString('latin1'))
    : false
}

export function isExposed({ mode }: TarMember): boolean {
  return (mode & READ_BY_OTHERS) !== 0
}
