import type { Readable } from 'node:stream'
import { PutObjectCommand, type StorageClass } from '@aws-sdk/client-s3'
import type { Key } from '@lifeboat/shared/domain/keys.ts'
import { lockAtWrite } from '../lock.ts'
import { MOVE_TAG, moveMark } from '../move-mark.ts'
import type { PutOptions } from '../target.ts'
import type { S3Config } from '../target-config.ts'
import { modeOf } from './facts.ts'

/** The one request that stores an object, which must not be there, with its class, mark and lock. */
export function putCommand(
  { storageClass: classes, lock, transition }: Pick<S3Config, 'storageClass' | 'lock' | 'transition'>,
  at: { Bucket: string; Key: string },
  { key, body, opts }: { key: Key; body: Readable; opts: PutOptions },
): PutObjectCommand {
  const { bytes, sha256, role } = opts
  const storageClass = classes[role] as StorageClass | undefined
  const until = lockAtWrite(lock, key, opts)
  const mark = moveMark(transition, key, opts)
  const command = new PutObjectCommand({
    ...at,
    Body: body,
    ContentLength: bytes,
    ChecksumSHA256: Buffer.from(sha256, 'hex').toString('base64'),
    IfNoneMatch: '*',
    ...(storageClass && { StorageClass: storageClass }),
    ...(mark && { Tagging: `${MOVE_TAG}=${mark.kind}` }),
    ...(lock && until && { ObjectLockMode: modeOf(lock), ObjectLockRetainUntilDate: until }),
  })
  // Known beforehand, so it need not stay UNSIGNED-PAYLOAD: the signature covers the bytes.
  command.middlewareStack.add(
    (next) => (args) => {
      const request = args.request as { headers: Record<string, string> }
      request.headers['x-amz-content-sha256'] = sha256
      return next(args)
    },
    { step: 'build', name: 'signedPayload' },
  )
  return command
}
