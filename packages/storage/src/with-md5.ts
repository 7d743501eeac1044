import { createHash } from 'node:crypto'
import type { Readable } from 'node:stream'
import type { Md5 } from '@lifeboat/shared/domain/ids.ts'
import type { Key } from '@lifeboat/shared/domain/keys.ts'
import { checkedBody } from './checked-body.ts'
import type { PutOptions } from './target.ts'

/** A put whose MD5 is known. */
export type PutWithMd5 = PutOptions & { md5: Md5 }

/**
 * For stores that check nothing stronger and want it before the first byte. Where it is not told, the body is read once for it; what is read must be what was announced, or
 * bytes damaged on the way here would pass.
 *
 * @throws LifeboatError TARGET_CHECKSUM_MISMATCH; what the body broke with
 */
export async function withMd5(key: Key, body: () => Readable, opts: PutOptions): Promise<PutWithMd5> {
  if (opts.md5 !== undefined) return { ...opts, md5: opts.md5 }
  const md5 = createHash('md5')
  for await (const chunk of checkedBody(key, body, opts, { digest: true })) md5.update(chunk as Buffer)
  return { ...opts, md5: md5.digest('hex') as Md5 }
}
