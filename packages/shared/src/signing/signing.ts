import { exportJWK, type FlattenedJWS, FlattenedSign, flattenedVerify, generateKeyPair, importJWK } from 'jose'
import { LifeboatError } from '../errors/lifeboat-error.ts'

/** Signs documents as one party (an agent, a verifier); the private key never leaves this closure. */
export interface Signer {
  readonly id: string
  /** @returns a flattened JWS (EdDSA) as JSON text; its payload is `document` as JSON, the protected header names the signer (`kid`) and `typ` */
  sign(typ: DocumentType, document: unknown): Promise<string>
}

/** The `typ` header keeps evidence from passing as a manifest. */
export type DocumentType = 'lifeboat-manifest' | 'lifeboat-evidence'

/** Public keys by signer id: raw Ed25519, 32 bytes, base64url. */
export type PublicKeys = Readonly<Record<string, string>>

/** @returns base64url of the 32-byte Ed25519 seed and of its public key */
export async function newSigningKeyPair(): Promise<{ privateKey: string; publicKey: string }> {
  const pair = await generateKeyPair('EdDSA', { crv: 'Ed25519', extractable: true })
  const jwk = await exportJWK(pair.privateKey)
  if (jwk.d === undefined || jwk.x === undefined)
    throw new LifeboatError('INTERNAL', { message: 'the key pair has no d or x' })
  return { privateKey: `${jwk.d}.${jwk.x}`, publicKey: jwk.x }
}

/**
 * @param privateKey what `newSigningKeyPair` gave: `<seed>.<public>`, both base64url
 * @throws LifeboatError CONFIG_INVALID when it is not such a key
 */
export async function openSigner(id: string, privateKey: string): Promise<Signer> {
  const [d, x] = privateKey.trim().split('.')
  if (!d || !x)
    throw new LifeboatError('CONFIG_INVALID', { signer: id, problem: 'not a signing key made by `lifeboat key new`' })
  const key = await importJWK({ kty: 'OKP', crv: 'Ed25519', d, x }, 'EdDSA').catch((cause: unknown) => {
    throw new LifeboatError(
      'CONFIG_INVALID',
      { signer: id, problem: 'not a signing key made by `lifeboat key new`' },
      { cause },
    )
  })
  return {
    id,
    async sign(typ, document) {
      const payload = new TextEncoder().encode(JSON.stringify(document))
      const jws = await new FlattenedSign(payload).setProtectedHeader({ alg: 'EdDSA', kid: id, typ }).sign(key)
      return `${JSON.stringify(jws)}\n`
    },
  }
}

/**
 * The document without a look at its signature, for somebody who has no public key to check it with; whoever shows it says so.
 *
 * @throws LifeboatError MANIFEST_TAMPERED – not a signed document of this type at all
 */
export function readUnchecked(text: string, typ: DocumentType): { signer: string; document: unknown } {
  try {
    const jws = JSON.parse(text) as FlattenedJWS
    const part = (value: unknown) => JSON.parse(Buffer.from(String(value), 'base64url').toString('utf8')) as unknown
    const header = part(jws.protected) as { typ?: string; kid?: string }
    if (header.typ !== typ) throw new Error(`document is a ${String(header.typ)}`)
    return { signer: header.kid ?? '', document: part(jws.payload) }
  } catch (cause) {
    throw new LifeboatError('MANIFEST_TAMPERED', { typ, problem: (cause as Error).message }, { cause })
  }
}

/**
 * Checks the signature and gives the document, still to be parsed by its schema.
 *
 * @param text what `sign` made
 * @throws LifeboatError MANIFEST_TAMPERED – unknown signer, wrong type, broken signature, not a JWS at all
 */
export async function verifySigned(
  text: string,
  typ: DocumentType,
  keys: PublicKeys,
): Promise<{ signer: string; document: unknown }> {
  try {
    const jws = JSON.parse(text) as FlattenedJWS
    let signer = ''
    const { payload } = await flattenedVerify(
      jws,
      async (header) => {
        signer = header?.kid ?? ''
        const x = Object.hasOwn(keys, signer) ? keys[signer] : undefined
        if (x === undefined) throw new Error(`no public key is configured for signer '${signer}'`)
        if (header?.typ !== typ) throw new Error(`document is a ${String(header?.typ)}`)
        return importJWK({ kty: 'OKP', crv: 'Ed25519', x }, 'EdDSA')
      },
      { algorithms: ['EdDSA'] },
    )
    return { signer, document: JSON.parse(new TextDecoder().decode(payload)) as unknown }
  } catch (cause) {
    throw new LifeboatError(
      'MANIFEST_TAMPERED',
      { typ, problem: cause instanceof Error ? cause.message : String(cause) },
      { cause },
    )
  }
}
