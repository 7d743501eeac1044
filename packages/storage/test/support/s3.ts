import { Secret } from '@lifeboat/shared/config/secret.ts'
import type { TargetId } from '@lifeboat/shared/domain/ids.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import type { S3Server } from '@lifeboat/testkit/s3-server.ts'
import { openTarget } from '../../src/open-target.ts'
import { openS3 } from '../../src/s3.ts'
import type { Target } from '../../src/target.ts'
import { S3Config } from '../../src/target-config.ts'

/** The target with all its layers, as services open it. */
export function openLayered(server: S3Server, more: object = {}): Promise<Target> {
  return openTarget('aws' as TargetId, configFor(server, more), contextFor(server))
}

/** Loses patience after half a second. */
export function openImpatient(server: S3Server): Promise<Target> {
  return openTarget('aws' as TargetId, configFor(server, {}), { ...contextFor(server), silenceMs: 500 })
}

/** Without layers: every failure shows. */
export function openBare(server: S3Server, more: object = {}): Promise<Target> {
  return openS3('aws' as TargetId, configFor(server, more), contextFor(server))
}

function configFor(server: S3Server, more: object) {
  const { endpoint, region, bucket } = server
  const secrets = { accessKeyId: 'env:ID', secretAccessKey: 'env:KEY' }
  return S3Config.parse({ kind: 's3', endpoint, region, bucket, forcePathStyle: true, ...secrets, ...more })
}

function contextFor({ credentials }: S3Server) {
  const secrets: Record<string, string> = {
    'env:ID': credentials.accessKeyId,
    'env:KEY': credentials.secretAccessKey,
    'env:WRONG': 'wrong',
  }
  return { log: silentLogger, resolveSecret: async (ref: string) => new Secret(secrets[ref] ?? '') }
}
