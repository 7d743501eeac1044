import type { TargetId } from '@lifeboat/shared/domain/ids.ts'
import { MOVE_TAG, MOVED_AFTER_DAYS } from './move-mark.ts'
import type { AzureConfig, GcsConfig, S3Config, TargetConfig } from './target-config.ts'

/** A rule document for the tool of the cloud, and how it is applied. */
export interface Lifecycle {
  document: object
  /** `lifecycle.json` is the document. */
  command: string
  /** What the command replaces as a whole. */
  replaces: string
  /** Every target whose rules the document holds: all in the same bucket or account. */
  targets: TargetId[]
}

/**
 * The rules by which the store itself moves what is marked (move-mark.ts), and nothing else. Such a document replaces the one before, so that of a target holds the rules of
 * all targets beside it.
 *
 * @returns undefined where the target moves nothing
 * @see https://docs.aws.amazon.com/cli/latest/reference/s3api/put-bucket-lifecycle-configuration.html · https://cloud.google.com/storage/docs/lifecycle-configurations ·
 *   https://learn.microsoft.com/azure/storage/blobs/lifecycle-management-policy-structure
 */
export function lifecycleOf(
  targets: Readonly<Record<TargetId, TargetConfig>>,
  targetId: TargetId,
): Lifecycle | undefined {
  const config = targets[targetId]
  if (config === undefined || config.kind === 'filesystem' || config.transition === undefined) return undefined
  const place = placeOf(config)
  const beside = (Object.entries(targets) as [TargetId, TargetConfig][]).filter(
    ([, other]) => placeOf(other) === place && other.kind !== 'filesystem' && other.transition !== undefined,
  )
  return { ...documentOf(config, beside), targets: beside.map(([id]) => id) }
}

/** What has one set of rules; undefined where there are none. */
function placeOf(config: TargetConfig): string | undefined {
  if (config.kind === 'filesystem') return undefined
  const name = config.kind === 'azure' ? config.account : config.bucket
  return JSON.stringify([config.kind, config.endpoint, name])
}

type Beside = readonly [TargetId, TargetConfig][]

function documentOf(config: Exclude<TargetConfig, { kind: 'filesystem' }>, beside: Beside): Omit<Lifecycle, 'targets'> {
  switch (config.kind) {
    case 's3': {
      const endpoint = config.endpoint === undefined ? '' : ` --endpoint-url ${config.endpoint}`
      return {
        document: { Rules: beside.flatMap(([id, one]) => (one.kind === 's3' ? s3Rules(id, one) : [])) },
        command: `aws s3api put-bucket-lifecycle-configuration --bucket ${config.bucket} --lifecycle-configuration file://lifecycle.json${endpoint}`,
        replaces: `all lifecycle rules of the bucket ${config.bucket}`,
      }
    }
    case 'gcs':
      return {
        document: { lifecycle: { rule: beside.flatMap(([, one]) => (one.kind === 'gcs' ? gcsRules(one) : [])) } },
        command: `gcloud storage buckets update gs://${config.bucket} --lifecycle-file=lifecycle.json`,
        replaces: `all lifecycle rules of the bucket ${config.bucket}`,
      }
    case 'azure':
      return {
        document: { rules: beside.flatMap(([id, one]) => (one.kind === 'azure' ? azureRules(id, one) : [])) },
        command: `az storage account management-policy create --account-name ${config.account} --resource-group GROUP --policy @lifecycle.json`,
        replaces: `the lifecycle policy of the whole account ${config.account}, of every container in it`,
      }
  }
}

function s3Rules(id: TargetId, { prefix, transition }: S3Config): object[] {
  return Object.entries(transition?.days ?? {}).map(([kind, days]) => {
    const tag = { Key: MOVE_TAG, Value: kind }
    return {
      ID: `lifeboat-${id}-${kind}`,
      Status: 'Enabled',
      Filter: prefix === '' ? { Tag: tag } : { And: { Prefix: `${prefix}/`, Tags: [tag] } },
      Transitions: [{ Days: days, StorageClass: transition?.class }],
    }
  })
}

/** One rule for all kinds: each object has its own time. */
function gcsRules({ prefix, transition }: GcsConfig): object[] {
  const under = prefix === '' ? {} : { matchesPrefix: [`${prefix}/`] }
  const action = { type: 'SetStorageClass', storageClass: transition?.class }
  return [{ action, condition: { daysSinceCustomTime: MOVED_AFTER_DAYS, ...under } }]
}

/** Names of rules are letters and digits; prefixes begin with the container. */
function azureRules(id: TargetId, { container, prefix, transition }: AzureConfig): object[] {
  const tier = `tierTo${transition?.class}`
  const under = prefix === '' ? `${container}/` : `${container}/${prefix}/`
  return Object.entries(transition?.days ?? {}).map(([kind, days]) => ({
    enabled: true,
    name: `lifeboat ${id} ${kind}`.replaceAll(/[^A-Za-z0-9]+(.)/g, (_, letter: string) => letter.toUpperCase()),
    type: 'Lifecycle',
    definition: {
      actions: { baseBlob: { [tier]: { daysAfterModificationGreaterThan: days } } },
      filters: {
        blobTypes: ['blockBlob'],
        prefixMatch: [under],
        blobIndexMatch: [{ name: MOVE_TAG, op: '==', value: kind }],
      },
    },
  }))
}
