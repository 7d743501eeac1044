import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import type { Md5, Sha256 } from '@lifeboat/shared/domain/ids.ts'
import type { Key } from '@lifeboat/shared/domain/keys.ts'
import type { Target } from '@lifeboat/storage/target.ts'

/** Puts one JSON document; the same one twice is a success. */
export async function putJson(target: Target, key: Key, value: unknown, signal: AbortSignal): Promise<void> {
  const bytes = Buffer.from(`${JSON.stringify(value)}\n`)
  await target.put(key, () => Readable.from([bytes], { objectMode: false }), {
    bytes: bytes.byteLength,
    sha256: createHash('sha256').update(bytes).digest('hex') as Sha256,
    md5: createHash('md5').update(bytes).digest('hex') as Md5,
    role: 'marker',
    signal,
  })
}
