import { S3Client } from '@aws-sdk/client-s3'
import type { TargetId } from '@lifeboat/shared/domain/ids.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { OpenContext } from '../open-target.ts'
import type { S3Config } from '../target-config.ts'

type Secrets = Pick<OpenContext, 'resolveSecret'>

/** @throws LifeboatError CONFIG_INVALID – only one half of a key pair · CONFIG_SECRET_MISSING */
export async function openClient(id: TargetId, config: S3Config, ctx: Secrets): Promise<S3Client> {
  return new S3Client({
    region: config.region,
    forcePathStyle: config.forcePathStyle,
    // Streams cannot be sent twice; the retrying layer opens a new one for each try.
    maxAttempts: 1,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: { connectionTimeout: 10_000, httpAgent: { maxSockets: 128 }, httpsAgent: { maxSockets: 128 } },
    // What it would say is in the errors it throws; without this it writes to the console.
    logger: { debug() {}, info() {}, warn() {}, error() {} },
    ...(config.endpoint && { endpoint: config.endpoint }),
    ...(await credentialsOf(id, config, ctx)),
  })
}

async function credentialsOf(id: TargetId, config: S3Config, { resolveSecret }: Secrets) {
  const { accessKeyId, secretAccessKey } = config
  if (accessKeyId === undefined && secretAccessKey === undefined) return {}
  if (accessKeyId === undefined || secretAccessKey === undefined)
    throw new LifeboatError('CONFIG_INVALID', {
      targetId: id,
      problem: 'accessKeyId and secretAccessKey belong together',
    })
  const [user, secret] = await Promise.all([resolveSecret(accessKeyId), resolveSecret(secretAccessKey)])
  return { credentials: { accessKeyId: user.reveal().trim(), secretAccessKey: secret.reveal().trim() } }
}
