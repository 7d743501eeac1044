import { document, escapeXml } from './answer.ts'
import type { S3Bucket } from './bucket.ts'

/**
 * One page of ListObjectsV2.
 *
 * @param pageSize most keys a page may hold, whatever the client asks for; S3's own is 1000
 */
export function listPage(name: string, bucket: S3Bucket, query: URLSearchParams, pageSize: number): string {
  const prefix = query.get('prefix') ?? ''
  const after = tokenKey(query.get('continuation-token')) ?? query.get('start-after') ?? undefined
  const limit = Math.min(Number(query.get('max-keys') ?? 1000), pageSize)
  const matching = bucket.keys().filter((key) => key.startsWith(prefix) && isAfter(key, after))
  const page = matching.slice(0, limit)
  const more = matching.length > page.length
  return document(
    'ListBucketResult',
    `<Name>${name}</Name><Prefix>${escapeXml(prefix)}</Prefix><KeyCount>${page.length}</KeyCount><MaxKeys>${limit}</MaxKeys>` +
      `<IsTruncated>${more}</IsTruncated>${more ? `<NextContinuationToken>${tokenOf(page.at(-1))}</NextContinuationToken>` : ''}` +
      page.map((key) => contents(key, bucket)).join(''),
  )
}

function contents(key: string, bucket: S3Bucket): string {
  const object = bucket.current(key)
  if (object === undefined) return ''
  return (
    `<Contents><Key>${escapeXml(key)}</Key><LastModified>${object.storedAt.toISOString()}</LastModified>` +
    `<ETag>&quot;${object.md5}&quot;</ETag><Size>${object.bytes}</Size><StorageClass>${object.storageClass}</StorageClass></Contents>`
  )
}

function isAfter(key: string, after: string | undefined): boolean {
  return after === undefined || Buffer.compare(Buffer.from(key), Buffer.from(after)) > 0
}

function tokenOf(key: string | undefined): string {
  return Buffer.from(key ?? '').toString('base64url')
}

function tokenKey(token: string | null): string | undefined {
  return token === null ? undefined : Buffer.from(token, 'base64url').toString()
}
