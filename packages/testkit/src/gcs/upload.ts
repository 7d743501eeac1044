import type { IncomingMessage } from 'node:http'
import { type Body, Draft } from './draft.ts'
import { readMultipart } from './multipart.ts'
import { GcsRefusal, invalid } from './refusal.ts'
import { conditionsOf, type UploadMetadata, uploadMetadata } from './request.ts'
import { objectResource } from './resource.ts'
import { demandValid, type GcsBucket, type ObjectFields, type Preconditions } from './store.ts'

/** An upload ready to become an object. */
export interface Finished {
  bucket: GcsBucket
  name: string
  metadata: UploadMetadata
  conditions: Preconditions
}

/** `uploadType=multipart` (JSON and bytes in one body) and `uploadType=media` (bytes alone). */
export async function simpleUpload(
  req: IncomingMessage,
  at: { bucket: GcsBucket; query: URLSearchParams; folder: string },
): Promise<object> {
  const conditions = conditionsOf(at.query)
  const draft = await Draft.begin(at.folder)
  try {
    const metadata = await receive(req, at.query, draft)
    const name = agreedName(at.query.get('name') ?? undefined, metadata)
    const body = await draft.finish()
    return commitUpload({ bucket: at.bucket, name, metadata, conditions }, body)
  } catch (thrown) {
    await draft.discard()
    throw thrown
  }
}

/** @throws GcsRefusal 400 when the bytes are not the ones whose digest was promised; nothing is stored then */
export function commitUpload({ bucket, name, metadata, conditions }: Finished, body: Body): object {
  const { md5Hash, crc32c, fields } = metadata
  if (md5Hash !== undefined && md5Hash !== body.md5Hash) throw mismatch('MD5 hash', md5Hash, body.md5Hash)
  if (crc32c !== undefined && crc32c !== body.crc32c) throw mismatch('CRC32C', crc32c, body.crc32c)
  return objectResource(bucket, bucket.commit(name, body, fields, conditions))
}

/** The name may come in the URL, in the JSON, or in both when they agree. */
export function agreedName(inUrl: string | undefined, { name: inJson, fields }: UploadMetadata): string {
  if (inUrl !== undefined && inJson !== undefined && inUrl !== inJson)
    throw new GcsRefusal(400, 'invalidParameter', 'Value in content does not agree with value in URL')
  const name = inUrl ?? inJson
  demandValid(name, fields)
  return name
}

async function receive(req: IncomingMessage, query: URLSearchParams, draft: Draft): Promise<UploadMetadata> {
  const contentType = req.headers['content-type']
  if (query.get('uploadType') === 'multipart') {
    const { json, mediaType } = await readMultipart(req, contentType ?? '', draft)
    const metadata = uploadMetadata(json)
    return { ...metadata, fields: withType(metadata.fields, mediaType) }
  }
  for await (const chunk of req) await draft.write(chunk as Buffer)
  return { fields: withType({}, contentType) }
}

function withType(fields: ObjectFields, contentType: string | undefined): ObjectFields {
  return { ...(contentType !== undefined && { contentType }), ...fields }
}

function mismatch(what: string, provided: string, calculated: string): GcsRefusal {
  return invalid(`Provided ${what} "${provided}" doesn't match calculated ${what} "${calculated}".`)
}
