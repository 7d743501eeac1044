import { createHash, randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Sha256 } from '@lifeboat/shared/domain/ids.ts'
import { sidecarPath } from './paths.ts'
import { saysAbsent } from './translate.ts'

/** Keeps a digest beside its file; a whole sidecar or none. */
export async function writeDigest(partials: string, folder: string, name: string, sha256: Sha256): Promise<void> {
  const temp = join(partials, `${randomBytes(12).toString('hex')}.partial`)
  await writeFile(temp, `${sha256}  ${name}\n`, { mode: 0o640, flush: true })
  await rename(temp, sidecarPath(folder, name))
}

/** undefined when none is kept or it is not one: then only the bytes can tell. */
export async function readDigest(folder: string, name: string): Promise<Sha256 | undefined> {
  const text = await readFile(sidecarPath(folder, name), 'utf8').catch((thrown: unknown) => {
    if (saysAbsent(thrown)) return ''
    throw thrown
  })
  return /^([0-9a-f]{64}) {2}/.exec(text)?.[1] as Sha256 | undefined
}

/** Reads the whole file. */
export async function digestFile(path: string, signal: AbortSignal): Promise<Sha256> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 })) {
    signal.throwIfAborted()
    hash.update(chunk as Buffer)
  }
  return hash.digest('hex') as Sha256
}
