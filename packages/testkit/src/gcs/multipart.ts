import type { Draft } from './draft.ts'
import { invalid } from './refusal.ts'

const HEAD_LIMIT_BYTES = 64 * 1024

/**
 * Reads a multipart/related upload: JSON first, then the bytes, which go straight into the draft.
 *
 * @param contentType of the request; must name a boundary
 * @returns the JSON of the first part and the content type of the second
 * @throws GcsRefusal 400 when the closing boundary never comes: a truncated body is no object
 */
export async function readMultipart(
  body: AsyncIterable<Buffer>,
  contentType: string,
  draft: Draft,
): Promise<{ json: string; mediaType: string }> {
  const boundary = /^multipart\/related\s*;.*?boundary=(?:"([^"]+)"|([^\s;]+))/i.exec(contentType)
  if (!boundary) throw invalid('Content-Type of a multipart upload must be multipart/related with a boundary')
  const chunks = body[Symbol.asyncIterator]()
  const mark = boundary[1] ?? boundary[2] ?? ''
  try {
    const { json, mediaType, rest } = await readHead(chunks, mark)
    await readMedia(chunks, rest, `\r\n--${mark}`, draft)
    return { json, mediaType }
  } finally {
    // Read to the end also when refused: a client still sending would not see the answer.
    while (!(await chunks.next()).done);
  }
}

/** Everything up to the first byte of the media, which is small. */
async function readHead(chunks: AsyncIterator<Buffer>, mark: string) {
  const shape = new RegExp(
    `^(?:\\r\\n)?--${escaped(mark)}\\r\\n(.*?)\\r\\n\\r\\n(.*?)\\r\\n--${escaped(mark)}\\r\\n(.*?)\\r\\n\\r\\n`,
    's',
  )
  let seen = Buffer.alloc(0)
  for (;;) {
    const next = await chunks.next()
    if (next.done) throw invalid('Missing end boundary in multipart body.')
    seen = Buffer.concat([seen, next.value])
    // latin1 keeps one character per byte, so lengths of text are lengths of bytes.
    const head = shape.exec(seen.subarray(0, HEAD_LIMIT_BYTES).toString('latin1'))
    if (head) return describeHead(head, seen)
    if (seen.length > HEAD_LIMIT_BYTES) throw invalid('Multipart body must have two parts, JSON first')
  }
}

function describeHead([whole, jsonHeaders = '', json = '', mediaHeaders = '']: RegExpExecArray, seen: Buffer) {
  if (!/^content-type:\s*application\/json/im.test(jsonHeaders))
    throw invalid('The first part must be application/json')
  const mediaType = /^content-type:\s*([^\r\n]+)/im.exec(mediaHeaders)?.[1] ?? 'application/octet-stream'
  return { json: Buffer.from(json, 'latin1').toString('utf8'), mediaType, rest: seen.subarray(whole.length) }
}

/** Copies until the closing boundary; what may be the beginning of a boundary waits for the next chunk. */
async function readMedia(chunks: AsyncIterator<Buffer>, first: Buffer, delimiter: string, draft: Draft): Promise<void> {
  let held = first
  for (;;) {
    const end = held.indexOf(delimiter)
    if (end >= 0) {
      await draft.write(held.subarray(0, end))
      return
    }
    const safe = Math.max(0, held.length - delimiter.length)
    if (safe > 0) await draft.write(held.subarray(0, safe))
    const next = await chunks.next()
    if (next.done) throw invalid('Missing end boundary in multipart body.')
    held = Buffer.concat([held.subarray(safe), next.value])
  }
}

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')
}
