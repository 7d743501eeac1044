import type { Socket } from 'node:net'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'

/** One message of the server: its type byte, and its body without type and length. */
export interface WireMessage {
  readonly type: number
  readonly body: Buffer
}

/** Reading from the socket pauses while more than this waits to be taken. */
const HIGH_WATER = 256 * 1024
const HEADER = 5
const TERMINATE = Buffer.from([0x58, 0, 0, 0, 4])

/**
 * The socket of a logged-in connection, taken over from the driver: messages are pulled, so a slow reader slows the server down and memory
 * stays constant.
 *
 * NOTE: the driver's own parser moves bytes inside a buffer whose slices it has already handed out; what is kept across a pause would change
 * under the reader. Hence a framing of our own, which never writes into what it gave away.
 */
export class Wire {
  readonly #socket: Socket
  readonly #messages: WireMessage[] = []
  #waitingBytes = 0
  #pieces: Buffer[] = []
  #pieceBytes = 0
  #failure: LifeboatError | undefined
  #arrived: (() => void) | undefined

  constructor(socket: Socket) {
    this.#socket = socket
    socket.removeAllListeners('data')
    socket.on('data', (chunk: Buffer) => this.#take(chunk))
    socket.on('error', (cause) => this.fail(new LifeboatError('SOURCE_CONNECTION_LOST', { message: cause.message })))
    socket.on('close', () => this.fail(new LifeboatError('SOURCE_CONNECTION_LOST', { message: 'the server hung up' })))
    socket.on('end', () => this.fail(new LifeboatError('SOURCE_CONNECTION_LOST', { message: 'the server hung up' })))
  }

  /** Bytes that came from the socket and were not taken yet. */
  get waitingBytes(): number {
    return this.#waitingBytes + this.#pieceBytes
  }

  /** Bytes the server sent so far. */
  get receivedBytes(): number {
    return this.#socket.bytesRead
  }

  get broken(): boolean {
    return this.#failure !== undefined
  }

  /**
   * The next message; what had arrived before a failure is still given.
   *
   * @throws LifeboatError SOURCE_CONNECTION_LOST, or what `fail` was called with
   */
  async read(): Promise<WireMessage> {
    for (;;) {
      const message = this.tryRead()
      if (message !== undefined) return message
      if (this.#failure !== undefined) throw this.#failure
      this.#socket.resume()
      await new Promise<void>((resolve) => {
        this.#arrived = resolve
      })
    }
  }

  /** The next message if it is here already. */
  tryRead(): WireMessage | undefined {
    const message = this.#messages.shift()
    if (message !== undefined) this.#waitingBytes -= message.body.length
    return message
  }

  /** Resolves when a message can be taken, when the connection failed, or after `timeoutMs`. */
  async arrival(timeoutMs: number): Promise<void> {
    if (this.#messages.length > 0 || this.#failure !== undefined) return
    this.#socket.resume()
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, timeoutMs)
      this.#arrived = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  /** @returns false when the socket would like a pause; see `drained` */
  write(bytes: Buffer): boolean {
    if (this.#failure !== undefined) throw this.#failure
    return this.#socket.write(bytes)
  }

  /** Resolves when the socket takes more, or failed. */
  async drained(): Promise<void> {
    if (!this.#socket.writableNeedDrain) return
    await new Promise<void>((resolve) => {
      this.#socket.once('drain', resolve)
      this.#socket.once('close', resolve)
    })
  }

  /** Says goodbye and closes. */
  end(): void {
    if (this.#failure === undefined) this.#socket.write(TERMINATE)
    this.fail(new LifeboatError('SOURCE_CONNECTION_LOST', { message: 'closed on our side' }))
    this.#socket.destroySoon()
  }

  /** Closes at once; whoever reads gets the reason. The first reason stays. */
  fail(reason: LifeboatError): void {
    this.#failure ??= reason
    this.#arrived?.()
  }

  destroy(reason: LifeboatError): void {
    this.#messages.length = 0
    this.#waitingBytes = 0
    this.fail(reason)
    this.#socket.destroy()
  }

  #take(chunk: Buffer): void {
    const before = this.#pieceBytes
    this.#pieces.push(chunk)
    this.#pieceBytes += chunk.length
    if (before === 0) this.#cut(chunk, 0)
    else this.#complete(chunk, before)
    if (this.#messages.length > 0) this.#arrived?.()
    if (this.#waitingBytes > HIGH_WATER) this.#socket.pause()
  }

  /** A message that began in earlier pieces is joined once it is whole; the rest of the chunk is not copied. */
  #complete(chunk: Buffer, before: number): void {
    if (this.#pieceBytes < HEADER) return
    if ((this.#pieces[0] as Buffer).length < HEADER) this.#pieces = [Buffer.concat(this.#pieces)]
    const length = 1 + (this.#pieces[0] as Buffer).readUInt32BE(1)
    if (this.#pieceBytes < length) return
    this.#cut(Buffer.concat(this.#pieces, length), 0)
    this.#cut(chunk, length - before)
  }

  /** Takes whole messages out of `bytes` and keeps what is left of them as the only piece. */
  #cut(bytes: Buffer, from: number): void {
    let at = from
    while (bytes.length - at >= HEADER) {
      const end = at + 1 + bytes.readUInt32BE(at + 1)
      if (end > bytes.length) break
      this.#messages.push({ type: bytes[at] as number, body: bytes.subarray(at + HEADER, end) })
      this.#waitingBytes += end - at - HEADER
      at = end
    }
    this.#pieces = at === bytes.length ? [] : [bytes.subarray(at)]
    this.#pieceBytes = bytes.length - at
  }
}
