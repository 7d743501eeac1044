import { createHash } from 'node:crypto'
import { dirname } from 'node:path'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { resolveSecret } from '@lifeboat/config/resolve-secret.ts'
import type { Md5, Sha256, TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { Key } from '@lifeboat/shared/domain/keys.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { openTarget } from '@lifeboat/storage/open-target.ts'
import type { Receipt, Target } from '@lifeboat/storage/target.ts'
import { TargetConfig } from '@lifeboat/storage/target-config.ts'
import type { World } from '../world.ts'

/** Opens one of the world's targets with the credentials of its uploader. */
export function openTargetOf(world: Pick<World, 'targets' | 'configPath'>, name: string): Promise<Target> {
  const place = world.targets[name]
  if (place === undefined) throw new Error(`this world has no target ${name}`)
  const places = { env: process.env, baseDir: dirname(world.configPath) }
  const config = TargetConfig.parse(place.config)
  return openTarget(name as TargetId, config, {
    resolveSecret: async (ref) => resolveSecret(ref, places),
    log: silentLogger,
  })
}

/**
 * Flips the lowest bit of one byte in the middle of the largest object below `prefix`, the way a failing disk would: same key, same length, and
 * the store keeps a good digest of the bad bytes.
 */
export async function flipByte(target: Target, prefix: Key): Promise<{ key: Key; offset: number }> {
  const signal = AbortSignal.timeout(300_000)
  const objects = await Array.fromAsync(target.list(prefix, { signal }))
  const [largest] = objects.sort((one, other) => other.bytes - one.bytes)
  if (largest === undefined) throw new Error(`nothing lies below ${prefix}`)
  const bytes = await buffer(await target.get(largest.key, { signal }))
  const offset = bytes.length >> 1
  bytes.writeUInt8(bytes.readUInt8(offset) ^ 1, offset)
  await replace(target, largest, bytes, signal)
  return { key: largest.key, offset }
}

async function replace(target: Target, { key }: Receipt, bytes: Buffer, signal: AbortSignal): Promise<void> {
  const digest = (algorithm: string) => createHash(algorithm).update(bytes).digest('hex')
  const digests = { sha256: digest('sha256') as Sha256, md5: digest('md5') as Md5 }
  await target.remove(key, { signal })
  await target.put(key, () => Readable.from([bytes]), { bytes: bytes.length, ...digests, role: 'part', signal })
}
