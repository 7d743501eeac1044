import { forget } from '@lifeboat/shared/service/forget.ts'

/** For whoever has copied a chunk when asking for the next one: then its memory is given back. */
export async function* givingBack(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) {
    yield chunk
    forget(chunk)
  }
}
