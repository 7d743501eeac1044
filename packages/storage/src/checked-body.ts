import { createHash, type Hash } from 'node:crypto'
import type { Readable } from 'node:stream'
import type { Key } from '@lifeboat/shared/domain/keys.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { relay } from './relay.ts'
import type { PutOptions } from './target.ts'

/**
 * The body of a put, broken off with TARGET_CHECKSUM_MISMATCH as soon as it is longer than announced and at its end when it is shorter.
 *
 * @param digest also hash it and compare at the end; for stores that cannot do that themselves
 * @param md5 hears of every byte as well
 */
export function checkedBody(
  key: Key,
  body: () => Readable,
  opts: Pick<PutOptions, 'bytes' | 'sha256' | 'signal'>,
  { digest, md5 }: { digest: boolean; md5?: Hash | undefined },
): Readable {
  const hash = digest ? createHash('sha256') : undefined
  let passed = 0
  return relay(body(), {
    signal: opts.signal,
    each(chunk) {
      passed += chunk.byteLength
      if (passed > opts.bytes) throw mismatch(key, { expectedBytes: opts.bytes, passedBytes: passed })
      hash?.update(chunk)
      md5?.update(chunk)
    },
    atEnd() {
      if (passed < opts.bytes) throw mismatch(key, { expectedBytes: opts.bytes, passedBytes: passed })
      const sha256 = hash?.digest('hex')
      if (sha256 !== undefined && sha256 !== opts.sha256)
        throw mismatch(key, { expectedSha256: opts.sha256, actualSha256: sha256 })
    },
  })
}

function mismatch(key: Key, facts: Record<string, string | number>): LifeboatError {
  return new LifeboatError('TARGET_CHECKSUM_MISMATCH', { key, ...facts })
}
