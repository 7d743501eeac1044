import { readdir, readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { keyFingerprint } from '@lifeboat/shared/signing/orders.ts'
import type { Command } from '../context.ts'
import { table } from '../format/table.ts'
import { KEY_SUFFIX, PUBLIC_SUFFIX } from '../restore/operator-keys.ts'

/** The operator keys in a folder; private halves are looked at only for whether they are encrypted. */
export const operatorKeyList: Command<{ keys?: string }> = async ({ keys = 'lifeboat-keys' }, { terminal }) => {
  const folder = resolve(terminal.cwd, keys)
  const names = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith(PUBLIC_SUFFIX))
  const found = await Promise.all(
    names.toSorted().map(async (file) => {
      const name = file.slice(0, -PUBLIC_SUFFIX.length)
      const publicKey = (await readFile(join(folder, file), 'utf8')).trim()
      const pem = await readFile(join(folder, `${name}${KEY_SUFFIX}`), 'utf8').catch(() => undefined)
      const secret = pem === undefined ? 'elsewhere' : pem.includes('ENCRYPTED') ? 'passphrase' : 'file mode only'
      return { name, publicKey, fingerprint: keyFingerprint(publicKey), privateHalf: secret }
    }),
  )
  const rows = found.map((key) => [key.name, key.publicKey, key.fingerprint, key.privateHalf])
  return {
    value: found,
    text: (style) =>
      rows.length === 0
        ? `no operator keys in ${folder}`
        : table(['operator', 'public key', 'fingerprint', 'private half'].map(style.dim), rows),
  }
}
