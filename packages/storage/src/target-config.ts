import { SecretRef } from '@lifeboat/shared/config/secret-ref.ts'
import { BackupKind, PolicyId } from '@lifeboat/shared/domain/ids.ts'
import { ByteSize } from '@lifeboat/shared/time/duration.ts'
import { z } from 'zod'

/** Content role → the store's own class name; roles not listed use the bucket's default. */
const StorageClasses = z
  .partialRecord(z.enum(['part', 'wal', 'document', 'manifest', 'evidence', 'marker']), z.string())
  .default({})
  .describe(
    'Storage class per role, e.g. part: STANDARD_IA. Classes with a minimum size or age are wrong for wal, manifests and evidence.',
  )

/** Credentials of their own for removing, used for nothing else; without them nothing of a target is ever removed. */
const REMOVAL = 'Credentials that may remove, used for nothing else. Without them nothing at this target ever expires.'

const LockDays = z.int().min(1).max(36_500)

const Lock = z
  .strictObject({
    days: LockDays.describe(
      'For so long from its put on nothing of a backup can be removed; renewed while the backup stays.',
    ),
    mode: z
      .enum(['governance', 'compliance'])
      .describe(
        'governance: who has a special right may still remove it · compliance: nobody may, not even the owner of the account.',
      ),
    policies: z
      .record(PolicyId, LockDays.describe('Instead of `days`.'))
      .default({})
      .describe('Days for the backups of single policies; a member of a set is called <set>-<member>.'),
    wal: LockDays.optional().describe(
      'Whole segments of WAL and histories are locked for so many days from their put on, and not renewed: at least the recovery window and the time between two bases. Default WAL is not locked.',
    ),
  })
  .optional()
  .describe(
    'Locks parts, documents and manifests in the store as they are put; the bucket must have been made for it. Default none.',
  )
export type LockConfig = NonNullable<z.infer<typeof Lock>>

/** @param name the classes this kind of store moves to and reads at once */
function transitionTo<C extends z.ZodType<string>>(name: C) {
  return z
    .strictObject({
      class: name.describe('Where to, in the words of the store; a class that answers at once.'),
      days: z
        .partialRecord(BackupKind, z.int().min(1).max(36_500))
        .describe(
          'Age of a part in days, by kind of backup, e.g. dump: 30. Kinds that are not named stay where they are.',
        ),
    })
    .optional()
    .describe(
      'Parts are marked as they are put, and a rule of the bucket moves them to a cheaper class by age: `lifeboat target lifecycle` prints the rule. Default none.',
    )
}
export type TransitionConfig = NonNullable<z.infer<ReturnType<typeof transitionTo<z.ZodType<string>>>>>

const common = {
  prefix: z
    .string()
    .regex(/^$|^[^/].*[^/]$/, 'no slash at either end')
    .default('')
    .describe('Folder inside the bucket; several fleets may share one bucket under different prefixes.'),
  storageClass: StorageClasses,
  limitBytesPerSecond: ByteSize.optional().describe(
    'Upload limit for this target per uploader process, e.g. 20MB; default none.',
  ),
}

export const S3Config = z.strictObject({
  kind: z.literal('s3').describe('Amazon S3 or a store that speaks its protocol.'),
  bucket: z.string().min(3).describe('An existing bucket; Lifeboat makes none.'),
  region: z.string().default('us-east-1').describe('Region of the bucket.'),
  endpoint: z.url().optional().describe('For S3-compatible stores; default AWS.'),
  forcePathStyle: z
    .boolean()
    .default(false)
    .describe('bucket in the path rather than in the host name; most self-hosted stores need it.'),
  accessKeyId: SecretRef.optional().describe('Default: the SDK looks for a role (instance profile, web identity).'),
  secretAccessKey: SecretRef.optional().describe('Belongs to accessKeyId.'),
  removal: z
    .strictObject({
      accessKeyId: SecretRef.describe('Key that may remove.'),
      secretAccessKey: SecretRef.describe('Belongs to accessKeyId.'),
    })
    .optional()
    .describe(REMOVAL),
  lock: Lock,
  transition: transitionTo(z.string().min(1)),
  ...common,
})

export const GcsConfig = z.strictObject({
  kind: z.literal('gcs').describe('Google Cloud Storage.'),
  bucket: z.string().min(3).describe('An existing bucket; Lifeboat makes none.'),
  projectId: z.string().optional().describe('Default: the project of the credentials.'),
  endpoint: z.url().optional().describe('For a server that speaks the protocol; default Google.'),
  credentials: SecretRef.optional().describe(
    'JSON of a service account or of a workload identity; default: application default credentials, or none at all where an endpoint is set.',
  ),
  removal: z
    .strictObject({ credentials: SecretRef.describe('JSON of a service account that may remove.') })
    .optional()
    .describe(REMOVAL),
  lock: Lock,
  transition: transitionTo(z.enum(['NEARLINE', 'COLDLINE', 'ARCHIVE'])),
  ...common,
})

export const AzureConfig = z.strictObject({
  kind: z.literal('azure').describe('Azure Blob Storage.'),
  container: z.string().min(3).describe('An existing container; Lifeboat makes none.'),
  account: z.string().min(3).describe('Storage account.'),
  endpoint: z.url().optional().describe('Blob service URL; default https://<account>.blob.core.windows.net'),
  accountKey: SecretRef.optional().describe('Key of the account: may do everything there.'),
  sasToken: SecretRef.optional().describe('Shared access signature: may do what it was made for.'),
  removal: z
    .strictObject({ sasToken: SecretRef.describe('Shared access signature that may remove.') })
    .optional()
    .describe(REMOVAL),
  lock: Lock,
  transition: transitionTo(z.enum(['Cool', 'Cold'])),
  ...common,
})

export const FilesystemConfig = z.strictObject({
  kind: z.literal('filesystem').describe('A folder.'),
  path: z
    .string()
    .regex(/^\//, 'an absolute path')
    .describe('An existing folder, e.g. an NFS mount; a missing folder is an error, so an unmounted disk is noticed.'),
  removal: z
    .strictObject({ allowed: z.literal(true).describe('The uploader may remove files below the path.') })
    .optional()
    .describe('A folder knows no second set of credentials; without this nothing in it ever expires.'),
  ...common,
})

export const TargetConfig = z.discriminatedUnion('kind', [S3Config, GcsConfig, AzureConfig, FilesystemConfig])
export type TargetConfig = z.infer<typeof TargetConfig>
export type S3Config = z.infer<typeof S3Config>
export type GcsConfig = z.infer<typeof GcsConfig>
export type AzureConfig = z.infer<typeof AzureConfig>
export type FilesystemConfig = z.infer<typeof FilesystemConfig>

/** The same target opened with the credentials that may remove; undefined where there are none. */
export function removalConfig(config: TargetConfig): TargetConfig | undefined {
  switch (config.kind) {
    case 's3':
    case 'gcs':
      return config.removal && { ...config, ...config.removal }
    case 'azure': {
      const { accountKey: _writes, ...rest } = config
      return config.removal && { ...rest, ...config.removal }
    }
    case 'filesystem':
      return config.removal && config
  }
}
