import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { FlattenedSign, flattenedVerify, importJWK } from 'jose'
import { RestoreOrder, type SignedOrder } from '../domain/restore.ts'
import { LifeboatError } from '../errors/lifeboat-error.ts'
import type { PublicKeys } from './signing.ts'

/** The `typ` header keeps a manifest from passing as a command. */
const TYP = 'lifeboat-order'

export interface OperatorKey {
  /** As the agents know it. */
  name: string
  key: KeyObject
}

/**
 * An Ed25519 pair in the form OpenSSL writes: PKCS#8 in PEM, encrypted (AES-256-CBC) where there is a passphrase.
 *
 * @returns the public half as 43 letters (raw, base64url), as it stands under `operators`
 */
export function newOperatorKey(passphrase: string | undefined): { pem: string; publicKey: string } {
  const { privateKey } = generateKeyPairSync('ed25519')
  const encrypted = passphrase === undefined ? {} : { cipher: 'aes-256-cbc', passphrase }
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem', ...encrypted }).toString()
  return { pem, publicKey: publicHalf(privateKey) }
}

/**
 * @param pem what `newOperatorKey` gave
 * @throws LifeboatError CLI_USAGE – not such a key, or another passphrase
 */
export function openOperatorKey(name: string, pem: string, passphrase: string | undefined): OperatorKey {
  try {
    const key = createPrivateKey({ key: pem, ...(passphrase === undefined ? {} : { passphrase }) })
    if (key.asymmetricKeyType !== 'ed25519') throw new Error(`it is of type ${key.asymmetricKeyType}`)
    return { name, key }
  } catch (cause) {
    const problem = isSealedKey(pem)
      ? 'the passphrase of the key is another one, or none was given: type it when it is asked for, or set LIFEBOAT_OPERATOR_PASSPHRASE'
      : 'not a key made by `lifeboat operator key new`'
    throw new LifeboatError('CLI_USAGE', { operator: name, problem }, { cause })
  }
}

/** Whether it takes a passphrase to open the key. */
export function isSealedKey(pem: string): boolean {
  return pem.includes('ENCRYPTED PRIVATE KEY')
}

/** For people to compare over the telephone: the first 16 hex digits of the SHA-256 of the public key. */
export function keyFingerprint(publicKey: string): string {
  return createHash('sha256').update(Buffer.from(publicKey, 'base64url')).digest('hex').slice(0, 16)
}

function publicHalf(key: KeyObject): string {
  return createPublicKey(key).export({ format: 'jwk' }).x ?? ''
}

/**
 * What is signed are the bytes of the payload itself, so nobody has to agree on a canonical form.
 *
 * @throws LifeboatError CLI_USAGE – no agent would take it for an order: a text or a time is too long
 */
export async function signOrder(order: RestoreOrder, by: OperatorKey): Promise<SignedOrder> {
  const { error } = RestoreOrder.safeParse(order)
  if (error)
    throw new LifeboatError('CLI_USAGE', {
      problem: error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; '),
    })
  return cosignOrder({ payload: Buffer.from(JSON.stringify(order)).toString('base64url'), signatures: [] }, by)
}

/** Adds a signature, or renews the one of this operator. */
export async function cosignOrder({ payload, signatures }: SignedOrder, { name, key }: OperatorKey) {
  const signer = new FlattenedSign(Buffer.from(payload, 'base64url'))
  const signed = await signer.setProtectedHeader({ alg: 'EdDSA', kid: name, typ: TYP }).sign(key)
  const own = { protected: signed.protected ?? '', signature: signed.signature }
  return { payload, signatures: [...signatures.filter((each) => headerOf(each).kid !== name), own] }
}

/**
 * The order and who claims to have signed it, without a look at the signatures: for showing.
 *
 * @throws LifeboatError RESTORE_ALTERED – it is no order at all
 */
export function readOrder(signed: SignedOrder): { order: RestoreOrder; claimed: string[] } {
  return { order: parseOrder(signed.payload), claimed: signed.signatures.map((each) => headerOf(each).kid ?? '') }
}

/**
 * Checks every signature; one that does not hold condemns the whole command, however many others do.
 *
 * @param operators whose word counts
 * @param required so many different operators
 * @throws LifeboatError RESTORE_UNSIGNED | RESTORE_STRANGER | RESTORE_ALTERED | RESTORE_SIGNATURES_MISSING
 */
export async function openOrder(
  { payload, signatures }: SignedOrder,
  operators: PublicKeys,
  required: number,
): Promise<{ order: RestoreOrder; who: string[] }> {
  if (signatures.length === 0) throw new LifeboatError('RESTORE_UNSIGNED')
  const who = new Map<string, string>()
  for (const signature of signatures) {
    const { kid = '', typ } = headerOf(signature)
    const x = Object.hasOwn(operators, kid) ? operators[kid] : undefined
    if (x === undefined) throw new LifeboatError('RESTORE_STRANGER', { signer: kid })
    if (typ !== TYP)
      throw new LifeboatError('RESTORE_ALTERED', { signer: kid, problem: 'it is signed as something else' })
    const key = await importJWK({ kty: 'OKP', crv: 'Ed25519', x }, 'EdDSA')
    await flattenedVerify({ payload, ...signature }, key, { algorithms: ['EdDSA'] }).catch((cause: unknown) => {
      throw new LifeboatError('RESTORE_ALTERED', { signer: kid }, { cause })
    })
    who.set(x, kid)
  }
  const signers = [...who.values()]
  // Two names for one key are one person.
  if (who.size < required) throw new LifeboatError('RESTORE_SIGNATURES_MISSING', { signers, required })
  return { order: parseOrder(payload), who: signers }
}

function parseOrder(payload: string): RestoreOrder {
  try {
    return RestoreOrder.parse(JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')))
  } catch (cause) {
    throw new LifeboatError('RESTORE_ALTERED', { problem: 'it has not the shape of an order' }, { cause })
  }
}

function headerOf(signature: SignedOrder['signatures'][number]): { kid?: string; typ?: string } {
  try {
    return JSON.parse(Buffer.from(signature.protected, 'base64url').toString('utf8')) as { kid?: string; typ?: string }
  } catch {
    return {}
  }
}
