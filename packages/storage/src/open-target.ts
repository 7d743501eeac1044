import type { Secret } from '@lifeboat/shared/config/secret.ts'
import type { SecretRef } from '@lifeboat/shared/config/secret-ref.ts'
import type { TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { Logger } from '@lifeboat/shared/log/logger.ts'
import type { Target } from './target.ts'
import type { TargetConfig } from './target-config.ts'

/** What a kind needs besides its configuration. */
export interface OpenContext {
  resolveSecret: (ref: SecretRef) => Promise<Secret>
  log: Logger
}

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
 * Opens a target as configured. Nothing is asked of the store yet: a bucket that is away is noticed at the first call.
 *
 * @throws LifeboatError CONFIG_SECRET_MISSING when a secret it names is not there
 */
export async function openTarget<K extends TargetConfig['kind']>(
  id: TargetId,
  config: Extract<TargetConfig, { kind: K }>,
  ctx: OpenContext,
): Promise<Target> {
  return (KINDS[config.kind as K] as Opener<K>)(id, config, ctx)
}
