import { expect, test } from 'vitest'
import { HEAD_BYTES, isSecretName, looksSecret } from './looks-secret.ts'

const KEY = Buffer.from('# ours\n-----BEGIN RSA PRIVATE KEY-----\nMIIE')
const NOTHING = Buffer.alloc(0)

test.each([
  ...['./.env', './app/.env.production', './.ssh/id_ed25519', './tls/server.key', './a.b/store.jks', './.pgpass'],
  ...['./home/.netrc', './tls/x.p12', './tls/line\nbreak.pfx', 'app.keystore'],
])('%j is called like a secret', (name) => expect(isSecretName(name)).toBe(true))

test.each([
  ...['./.env.example', './.envrc', './a.env', './id_rsa.pub', './my_id_rsa', './.key', './keys/a.ts', './x.key/a'],
  ...['./.env/readme', './a.pem.dist', './monkey', './pgpass'],
])('%j is not', (name) => expect(isSecretName(name)).toBe(false))

test('a private key is found in what begins with it, whatever its name, and nowhere behind', () => {
  const behind = Buffer.concat([Buffer.alloc(HEAD_BYTES, 'x'), KEY])
  const across = Buffer.concat([Buffer.alloc(HEAD_BYTES - 30, '\n'), KEY])
  expect(looksSecret('./notes.txt', KEY)).toBe(true)
  expect(looksSecret('./notes.txt', Buffer.from('AGE-SECRET-KEY-1QQ'))).toBe(true)
  for (const head of [NOTHING, behind, across, Buffer.from('a KEY, but not a private one')])
    expect(looksSecret('./notes.txt', head)).toBe(false)
})

test('what is called .pem is a secret only with a private key in it', () => {
  expect(looksSecret('./tls/chain.pem', KEY)).toBe(true)
  expect(looksSecret('./tls/chain.pem', Buffer.from('-----BEGIN CERTIFICATE-----'))).toBe(false)
  expect(looksSecret('./tls/chain.pem', Buffer.concat([Buffer.alloc(HEAD_BYTES, '\n'), KEY]))).toBe(false)
})
