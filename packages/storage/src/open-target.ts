import type { Secret } from '@lifeboat/shared/config/secret.ts'
import type { SecretRef } from '@lifeboat/shared/config/secret-ref.ts'
import type { TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { Logger } from '@lifeboat/shared/log/logger.ts'
import { impatient } from './layers/impatient.ts'
import { limited } from './layers/limited.ts'
import { metered, type TargetObserver } from './layers/metered.ts'
import { resuming } from './layers/resuming.ts'
import { retrying } from './layers/retrying.ts'
import type { Target } from './target.ts'
import type { TargetConfig } from './target-config.ts'

/** What a kind needs besides its configuration. */
export interface OpenContext {
  resolveSecret: (ref: SecretRef) => Secret | Promise<Secret>
  log: Logger
  /** Hears of every call to the store, tries that failed included. */
  observer?: TargetObserver
  /** A store that says and takes nothing for this long is given up on; default one minute. */
  silenceMs?: number
}

const SILENCE_MS = 60_000
const LOOK_SILENCE_MS = 30_000

/** One entry per kind, loaded when first used: a host without cloud targets never loads a cloud SDK. */
const KINDS: { [K in TargetConfig['kind']]: Opener<K> } = {
  s3: async (id, config, ctx) => (await import('./s3.ts')).openS3(id, config, ctx),
  gcs: async (id, config, ctx) => (await import('./gcs.ts')).openGcs(id, config, ctx),
  azure: async (id, config, ctx) => (await import('./azure.ts')).openAzure(id, config, ctx),
  filesystem: async (id, config) => (await import('./filesystem.ts')).openFilesystem(id, config),
}

type Opener<K> = (id: TargetId, config: Extract<TargetConfig, { kind: K }>, ctx: OpenContext) => Promise<Target>

/** Every kind there is; a test compares it with the kinds that were put through the conformance cases. */
export const TARGET_KINDS = Object.keys(KINDS) as TargetConfig['kind'][]

/**
 * Opens a target as configured, with the layers every user wants: silence is an error, passing trouble is tried again a few times, cut
 * downloads are resumed, uploads keep to the configured rate. Nothing is asked of the store yet: a bucket that is away is noticed at the
 * first call.
 *
 * @throws LifeboatError CONFIG_SECRET_MISSING when a secret it names is not there
 */
export async function openTarget(id: TargetId, config: TargetConfig, ctx: OpenContext): Promise<Target> {
  return (await openWithLooks(id, config, ctx)).target
}

/**
 * Besides, the same target for looks whether all is well, which are to end soon: nothing is tried again, and half a minute of silence will do. Disposed with the first.
 *
 * @throws LifeboatError CONFIG_SECRET_MISSING when a secret it names is not there
 */
export async function openWithLooks(
  id: TargetId,
  config: TargetConfig,
  ctx: OpenContext,
): Promise<{ target: Target; looks: Target }> {
  const { observer, silenceMs = SILENCE_MS } = ctx
  const bytesPerSecond = config.limitBytesPerSecond
  const store = await (KINDS[config.kind] as Opener<TargetConfig['kind']>)(id, config, ctx)
  const watched = (silenceMs: number) => {
    const each = impatient(store, { silenceMs })
    return observer ? metered(each, observer) : each
  }
  const steady = resuming(retrying(watched(silenceMs)))
  return {
    target: bytesPerSecond === undefined ? steady : limited(steady, { bytesPerSecond }),
    looks: watched(Math.min(silenceMs, LOOK_SILENCE_MS)),
  }
}
