import { createHash } from 'node:crypto'
import type { Readable } from 'node:stream'

/** Reads it to its end; hex. */
export async function sha256Of(body: Readable): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of body) hash.update(chunk as Buffer)
  return hash.digest('hex')
}
