import { randomBytes } from 'node:crypto'
import { decrypted } from './decrypt.ts'
import { encryptWith, stanzaText } from './encrypt.ts'
import { sealBox, WRAP_NONCE } from './format.ts'
import { passphraseKey } from './scrypt.ts'

const SALT_BYTES = 16
/** About a second and 256 MB on either side, as of the age program. */
const WORK = 18
const ARMOR = { begin: '-----BEGIN AGE ENCRYPTED FILE-----', end: '-----END AGE ENCRYPTED FILE-----' }

/** Whether it is an age file, as what `age --passphrase` writes, and not a bare identity. */
export function isSealed(text: string): boolean {
  return text.startsWith(ARMOR.begin) || text.startsWith('age-encryption.org/')
}

/** What `age --passphrase --armor` writes: text that survives paper, and that `age --decrypt` opens. */
export function sealWithPassphrase(plain: string, passphrase: string): string {
  const salt = randomBytes(SALT_BYTES)
  const stanza = (fileKey: Buffer) => {
    const wrapped = Buffer.concat(sealBox(passphraseKey(passphrase, salt, WORK), WRAP_NONCE, [fileKey]))
    return stanzaText(['scrypt', salt, String(WORK)], wrapped)
  }
  const sealed = Buffer.concat([...encryptWith(Buffer.from(plain), (fileKey) => [stanza(fileKey)])])
  const lines = sealed.toString('base64').match(/.{1,64}/g) ?? []
  return `${[ARMOR.begin, ...lines, ARMOR.end].join('\n')}\n`
}

/**
 * @param sealed armored or not, each byte a letter of latin1
 * @throws LifeboatError ARTIFACT_KEY_WRONG | ARTIFACT_UNREADABLE
 */
export async function openWithPassphrase(sealed: string, passphrase: string, name: string): Promise<string> {
  const bytes = sealed.startsWith(ARMOR.begin)
    ? Buffer.from(sealed.split(ARMOR.end)[0]?.slice(ARMOR.begin.length) ?? '', 'base64')
    : Buffer.from(sealed, 'latin1')
  const input = (async function* () {
    yield bytes
  })()
  const plain: Buffer[] = []
  for await (const chunk of decrypted(input, [{ passphrase }], name)) plain.push(Buffer.from(chunk))
  return Buffer.concat(plain).toString('utf8')
}
