import { expect, test } from 'vitest'
import { newSigningKeyPair, openSigner, verifySigned } from './signing.ts'

const { privateKey, publicKey } = await newSigningKeyPair()
const signer = await openSigner('db1', privateKey)
const signed = await signer.sign('lifeboat-manifest', { rows: 42 })

function forge(change: (jws: Record<string, string>) => void): string {
  const jws = JSON.parse(signed) as Record<string, string>
  change(jws)
  return JSON.stringify(jws)
}

test('what was signed reads back with the name of its signer', async () => {
  expect(await verifySigned(signed, 'lifeboat-manifest', { db1: publicKey })).toEqual({
    signer: 'db1',
    document: { rows: 42 },
  })
})

const other = (await newSigningKeyPair()).publicKey
const unsecured = Buffer.from(JSON.stringify({ alg: 'none', kid: 'db1', typ: 'lifeboat-manifest' })).toString(
  'base64url',
)

test.each([
  ['a changed payload', forge((jws) => (jws.payload = Buffer.from('{"rows":43}').toString('base64url')))],
  ['a changed header', forge((jws) => (jws.protected = unsecured))],
  ['a cut signature', forge((jws) => (jws.signature = (jws.signature ?? '').slice(0, -4)))],
  ['half a document', signed.slice(0, signed.length / 2)],
  ['no signature at all', '{"rows":42}'],
  ['an empty file', ''],
])('%s is refused', async (_, text) => {
  await expect(verifySigned(text, 'lifeboat-manifest', { db1: publicKey })).rejects.toMatchObject({
    code: 'MANIFEST_TAMPERED',
  })
})

test('a manifest does not pass as evidence', async () => {
  await expect(verifySigned(signed, 'lifeboat-evidence', { db1: publicKey })).rejects.toMatchObject({
    code: 'MANIFEST_TAMPERED',
  })
})

test.each([
  ['another key under the name of the signer', { db1: other }],
  ['an unknown signer', { db2: publicKey }],
])('%s is refused', async (_, keys) => {
  await expect(verifySigned(signed, 'lifeboat-manifest', keys)).rejects.toMatchObject({ code: 'MANIFEST_TAMPERED' })
})

test('a private key that is none is a configuration problem', async () => {
  await expect(openSigner('db1', 'hunter2')).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
})
