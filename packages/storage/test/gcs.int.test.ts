import type { TargetId } from '@lifeboat/shared/domain/ids.ts'
import { startGcsServer } from '@lifeboat/testkit/gcs-server.ts'
import { describeTarget } from '../src/conformance/describe-target.ts'
import { openGcs } from '../src/gcs.ts'
import { GcsConfig } from '../src/target-config.ts'

const noSecrets = { resolveSecret: () => Promise.reject(new Error('no secrets here')) }

describeTarget('gcs', async () => {
  const server = await startGcsServer({ buckets: ['backups'] })
  const config = GcsConfig.parse({ kind: 'gcs', bucket: 'backups', endpoint: server.endpoint, prefix: 'fleet' })
  return {
    target: await openGcs('gcs' as TargetId, config, noSecrets),
    lock: async (key) => server.hold('backups', `fleet/${key}`, true),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
})
