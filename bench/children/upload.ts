import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { Readable } from 'node:stream'
import { Secret } from '@lifeboat/shared/config/secret.ts'
import type { Md5, Sha256, TargetId } from '@lifeboat/shared/domain/ids.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { openTarget } from '@lifeboat/storage/open-target.ts'
import type { PutOptions, Target } from '@lifeboat/storage/target.ts'
import type { UploadMeasure, UploadOrder } from '../upload.ts'

const CHUNK_BYTES = 1024 ** 2

const [order] = (await once(process, 'message')) as [UploadOrder]
process.send?.(await upload(order))
process.disconnect()

async function upload({ config, totalBytes, partBytes, concurrency }: UploadOrder): Promise<UploadMeasure> {
  const resolveSecret = async (ref: string) => new Secret(process.env[ref.replace('env:', '')] ?? '')
  await using target = await openTarget('bench' as TargetId, config, { resolveSecret, log: silentLogger })
  const part = makePart(partBytes)
  const count = Math.max(concurrency, Math.round(totalBytes / partBytes))
  let next = 0
  let putMs = 0
  let rssEarlyBytes = 0
  const worker = async () => {
    for (let nth = next++; nth < count; nth = next++) {
      putMs += await putOnce(target, `bench/${nth}`, part)
      if (nth <= count / 10) rssEarlyBytes = peakBytes()
    }
  }
  const cpuBefore = process.cpuUsage()
  await Promise.all(Array.from({ length: concurrency }, worker))
  const cpu = process.cpuUsage(cpuBefore)
  const seconds = putMs / 1000 / concurrency
  const bytes = count * partBytes
  const cpuSeconds = (cpu.user + cpu.system) / 1e6
  const { kind } = config
  return { kind, bytes, seconds, bytesPerSecond: bytes / seconds, cpuSeconds, rssEarlyBytes, rssPeakBytes: peakBytes() }
}

interface Part {
  body: () => Readable
  opts: PutOptions
}

/** One mebibyte of noise over and over: as hard to compress as a real part, made once. */
function makePart(partBytes: number): Part {
  const noise = randomBytes(CHUNK_BYTES)
  const chunks = function* () {
    for (let from = 0; from < partBytes; from += CHUNK_BYTES)
      yield noise.subarray(0, Math.min(CHUNK_BYTES, partBytes - from))
  }
  const [sha256, md5] = [createHash('sha256'), createHash('md5')]
  for (const chunk of chunks()) {
    sha256.update(chunk)
    md5.update(chunk)
  }
  const { signal } = new AbortController()
  const digests = { sha256: sha256.digest('hex') as Sha256, md5: md5.digest('hex') as Md5 }
  return {
    body: () => Readable.from(chunks(), { objectMode: false }),
    opts: { bytes: partBytes, ...digests, role: 'part', signal },
  }
}

/** @returns milliseconds of the put; the part is removed again so that a disk of any size will do */
async function putOnce(target: Target, key: string, { body, opts }: Part): Promise<number> {
  const began = performance.now()
  await target.put(key, body, opts)
  const took = performance.now() - began
  await target.remove(key, opts)
  return took
}

/** The kernel's high-water mark, in bytes. */
function peakBytes(): number {
  return process.resourceUsage().maxRSS * 1024
}
