import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Key } from '@lifeboat/shared/domain/keys.ts'
import type { Receipt } from '../target.ts'
import { readDigest } from './digest.ts'
import { saysAbsent } from './translate.ts'

interface Entry {
  name: string
  folder: boolean
}

/** Every file whose key begins with `prefix`, in the byte order of the keys; folders are read one by one, as the reader comes to them. */
export async function* walk(root: string, prefix: Key, signal: AbortSignal): AsyncGenerator<Receipt> {
  const cut = prefix.lastIndexOf('/') + 1
  yield* walkFolder(root, prefix.slice(0, cut), prefix.slice(cut), signal)
}

async function* walkFolder(root: string, base: Key, begin: string, signal: AbortSignal): AsyncGenerator<Receipt> {
  signal.throwIfAborted()
  for (const entry of (await entriesOf(join(root, base))).filter(({ name }) => name.startsWith(begin))) {
    if (entry.folder) yield* walkFolder(root, `${base}${entry.name}/`, '', signal)
    else yield* receiptsOf(root, base, entry.name)
    signal.throwIfAborted()
  }
}

/** None when the file was removed since its folder was read. */
async function* receiptsOf(root: string, base: Key, name: string): AsyncGenerator<Receipt> {
  const folder = join(root, base)
  const facts = await stat(join(folder, name)).catch(undefinedWhenAbsent)
  if (facts === undefined) return
  const sha256 = await readDigest(folder, name)
  yield { key: base + name, bytes: facts.size, storedAt: facts.mtime.toISOString(), ...(sha256 && { sha256 }) }
}

async function entriesOf(folder: string): Promise<Entry[]> {
  const found = (await readdir(folder, { withFileTypes: true }).catch(undefinedWhenAbsent)) ?? []
  return found
    .filter((each) => !each.name.startsWith('.') && (each.isDirectory() || each.isFile()))
    .map((each) => ({ name: each.name, folder: each.isDirectory() }))
    .sort((one, other) => Buffer.compare(orderOf(one), orderOf(other)))
}

/** A folder's keys continue with a slash, and that slash takes part in the order. */
function orderOf({ name, folder }: Entry): Buffer {
  return Buffer.from(folder ? `${name}/` : name)
}

function undefinedWhenAbsent(thrown: unknown): undefined {
  if (!saysAbsent(thrown)) throw thrown
}
