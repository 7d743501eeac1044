import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { TargetConfig } from '@lifeboat/storage/target-config.ts'
import type { z } from 'zod'
import { startAzurite } from './azurite.ts'
import { startGcsServer } from './gcs-server.ts'
import { startS3Server } from './s3-server.ts'

export type BucketKind = TargetConfig['kind']

/** A store of each kind, empty, and how to open a target on it. */
export interface Buckets extends AsyncDisposable {
  /** As lifeboat.yaml would say it; secrets are references into `env`. */
  readonly yaml: Readonly<Record<BucketKind, z.input<typeof TargetConfig>>>
  /** The same, parsed, for `openTarget`. */
  readonly configs: Readonly<{ [K in BucketKind]: Extract<TargetConfig, { kind: K }> }>
  /** Variables the secret references name. */
  readonly env: Readonly<Record<string, string>>
}

const NAME = 'lifeboat-backups'

/** Boots S3, Google Cloud Storage and Azure servers and makes a folder, all at once. */
export async function startBuckets(): Promise<Buckets> {
  await using stack = new AsyncDisposableStack()
  const [s3, gcs, azure, folder] = await Promise.all([
    owned(stack, startS3Server({ bucket: NAME, pageSize: 1000 })),
    owned(stack, startGcsServer({ buckets: [NAME], pageLimit: 1000 })),
    owned(stack, startAzurite()),
    owned(stack, temporaryFolder()),
  ])
  await azure.createContainer(NAME)
  const yaml = {
    s3: {
      kind: 's3' as const,
      bucket: s3.bucket,
      region: s3.region,
      endpoint: s3.endpoint,
      forcePathStyle: true,
      accessKeyId: 'env:S3_ACCESS_KEY_ID',
      secretAccessKey: 'env:S3_SECRET_ACCESS_KEY',
    },
    gcs: { kind: 'gcs' as const, bucket: NAME, endpoint: gcs.endpoint },
    azure: {
      kind: 'azure' as const,
      container: NAME,
      account: azure.account,
      endpoint: azure.endpoint,
      accountKey: 'env:AZURE_ACCOUNT_KEY',
    },
    filesystem: { kind: 'filesystem' as const, path: folder.path },
  }
  const servers = stack.move()
  return {
    yaml,
    configs: {
      s3: parsed(yaml.s3),
      gcs: parsed(yaml.gcs),
      azure: parsed(yaml.azure),
      filesystem: parsed(yaml.filesystem),
    },
    env: {
      S3_ACCESS_KEY_ID: s3.credentials.accessKeyId,
      S3_SECRET_ACCESS_KEY: s3.credentials.secretAccessKey,
      AZURE_ACCOUNT_KEY: azure.accountKey,
    },
    [Symbol.asyncDispose]: () => servers.disposeAsync(),
  }
}

async function owned<T extends AsyncDisposable>(stack: AsyncDisposableStack, starting: Promise<T>): Promise<T> {
  return stack.use(await starting)
}

function parsed<K extends BucketKind>(config: { kind: K }): Extract<TargetConfig, { kind: K }> {
  return TargetConfig.parse(config) as Extract<TargetConfig, { kind: K }>
}

async function temporaryFolder() {
  const path = await mkdtemp(join(tmpdir(), 'lifeboat-target-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}
