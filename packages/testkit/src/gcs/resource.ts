import type { GcsBucket, StoredObject } from './store.ts'

/** The object as the JSON API shows it: numbers of 64 bits are text. */
export function objectResource(bucket: GcsBucket, { name, fields, body, ...object }: StoredObject): object {
  const id = `${bucket.name}/${name}/${object.generation}`
  return {
    kind: 'storage#object',
    id,
    name,
    bucket: bucket.name,
    generation: String(object.generation),
    metageneration: String(object.metageneration),
    contentType: 'application/octet-stream',
    storageClass: 'STANDARD',
    ...fields,
    size: String(body.bytes),
    md5Hash: body.md5Hash,
    crc32c: body.crc32c,
    etag: etagOf(object),
    timeCreated: object.timeCreated,
    timeFinalized: object.timeCreated,
    updated: object.updated,
    retentionExpirationTime: bucket.expiresAt({ name, fields, body, ...object }),
  }
}

export function bucketResource(bucket: GcsBucket): object {
  return {
    kind: 'storage#bucket',
    id: bucket.name,
    name: bucket.name,
    location: 'EU',
    storageClass: 'STANDARD',
    metageneration: '1',
    etag: 'CAE=',
    timeCreated: bucket.timeCreated,
    ...(bucket.retentionSeconds !== undefined && {
      retentionPolicy: {
        retentionPeriod: String(bucket.retentionSeconds),
        effectiveTime: bucket.timeCreated,
        isLocked: false,
      },
    }),
  }
}

export function etagOf(object: Pick<StoredObject, 'generation' | 'metageneration'>): string {
  return Buffer.from(`${object.generation}/${object.metageneration}`).toString('base64')
}
