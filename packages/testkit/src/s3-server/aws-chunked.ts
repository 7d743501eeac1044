import { S3Refusal } from './answer.ts'

/** The headers that came after the last chunk, lower case. */
export type Trailers = Record<string, string>

/**
 * Takes the `aws-chunked` framing off a body (unsigned chunks, checksum in a trailer), the way current SDKs send by default.
 *
 * @param trailers filled when the end has come
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
 */
export async function* decodeAwsChunked(body: AsyncIterable<Buffer>, trailers: Trailers): AsyncGenerator<Buffer> {
  const reader = new LineReader(body)
  for (;;) {
    const [size = ''] = (await reader.line()).split(';')
    const length = /^[0-9a-fA-F]+$/.test(size) ? Number.parseInt(size, 16) : Number.NaN
    if (Number.isNaN(length)) throw new S3Refusal(400, 'InvalidChunkSizeError', `'${size}' is no chunk size`)
    if (length === 0) break
    yield* reader.bytes(length)
    if ((await reader.line()) !== '') throw new S3Refusal(400, 'IncompleteBody', 'a chunk is longer than it says')
  }
  for (let line = await reader.line(); line !== ''; line = await reader.line()) {
    const [name = '', ...value] = line.split(':')
    trailers[name.trim().toLowerCase()] = value.join(':').trim()
  }
}

class LineReader {
  readonly #source: AsyncIterator<Buffer>
  #buffered: Buffer = Buffer.alloc(0)

  constructor(body: AsyncIterable<Buffer>) {
    this.#source = body[Symbol.asyncIterator]()
  }

  /** Without its CRLF. */
  async line(): Promise<string> {
    for (;;) {
      const end = this.#buffered.indexOf('\r\n')
      if (end >= 0) {
        const line = this.#buffered.subarray(0, end).toString('latin1')
        this.#buffered = this.#buffered.subarray(end + 2)
        return line
      }
      this.#buffered = Buffer.concat([this.#buffered, await this.#more()])
    }
  }

  async *bytes(length: number): AsyncGenerator<Buffer> {
    for (let left = length; left > 0; ) {
      if (this.#buffered.length === 0) this.#buffered = await this.#more()
      const chunk = this.#buffered.subarray(0, left)
      this.#buffered = this.#buffered.subarray(chunk.length)
      left -= chunk.length
      yield chunk
    }
  }

  async #more(): Promise<Buffer> {
    const next = await this.#source.next()
    if (next.done) throw new S3Refusal(400, 'IncompleteBody', 'the body ended inside its framing')
    return next.value
  }
}
