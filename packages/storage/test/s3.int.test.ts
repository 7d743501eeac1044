import { Secret } from '@lifeboat/shared/config/secret.ts'
import type { TargetId } from '@lifeboat/shared/domain/ids.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { type S3Server, startS3Server } from '@lifeboat/testkit/s3-server.ts'
import { describeTarget } from '../src/conformance/describe-target.ts'
import { openTarget } from '../src/open-target.ts'
import { S3Config } from '../src/target-config.ts'

for (const versioned of [true, false])
  describeTarget(versioned ? 's3' : 's3 without versions', async () => {
    const server = await startS3Server({ versioned })
    const target = await openTarget('aws' as TargetId, configFor(server, { prefix: 'fleet/one' }), contextFor(server))
    return {
      target,
      lock: async (key) => server.lock(`fleet/one/${key}`),
      [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
    }
  })

function configFor(server: S3Server, more: object = {}) {
  const { endpoint, region, bucket } = server
  const secrets = { accessKeyId: 'env:ID', secretAccessKey: 'env:KEY' }
  return S3Config.parse({ kind: 's3', endpoint, region, bucket, forcePathStyle: true, ...secrets, ...more })
}

function contextFor({ credentials }: S3Server) {
  const secrets: Record<string, string> = { 'env:ID': credentials.accessKeyId, 'env:KEY': credentials.secretAccessKey }
  return { log: silentLogger, resolveSecret: async (ref: string) => new Secret(secrets[ref] ?? '') }
}
