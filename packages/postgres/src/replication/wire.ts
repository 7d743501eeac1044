import type { Socket } from 'node:net'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { ReadingSocket } from './reading-socket.ts'

/** One message of the server: its type byte, and its body without type and length. */
export interface WireMessage {
  readonly type: number
  readonly body: Buffer
}

/** Reading from the socket pauses while more than this waits to be taken. */
const HIGH_WATER = 256 * 1024
const HEADER = 5
/** Room for the longest message of a stream of WAL: 128 KiB and its heads. */
const LONG_BYTES = 132 * 1024
/** Spare memory kept for long messages: no more of them come with one read, the one before and the one that is unfinished included. */
const MOST_SPARE = 10
const TERMINATE = Buffer.from([0x58, 0, 0, 0, 4])

/**
 * The socket of a logged-in connection, taken over from the driver: messages are pulled, so a slow reader slows the server down and memory
 * stays constant.
 *
 * NOTE: the driver's own parser moves bytes inside a buffer whose slices it has already handed out; what is kept across a pause would change
 * under the reader. Hence a framing of our own: a message has memory of its own, which is written again only after it was given back.
 */
export class Wire {
  readonly #socket: Socket
  readonly #messages: WireMessage[] = []
  #waitingBytes = 0
  readonly #head = Buffer.alloc(HEADER)
  #headed = 0
  /** What arrived of the body the head announced. */
  #body: Buffer = Buffer.alloc(0)
  #filled = 0
  readonly #spare: ArrayBuffer[] = []
  #failure: LifeboatError | undefined
  #arrived: (() => void) | undefined

  constructor(socket: Socket) {
    this.#socket = socket
    socket.removeAllListeners('data')
    if (socket instanceof ReadingSocket) socket.onBytes = (bytes) => this.#take(bytes)
    else socket.on('data', (chunk: Buffer) => this.#take(chunk))
    socket.on('error', (cause) => this.fail(new LifeboatError('SOURCE_CONNECTION_LOST', { message: cause.message })))
    socket.on('close', () => this.fail(new LifeboatError('SOURCE_CONNECTION_LOST', { message: 'the server hung up' })))
    socket.on('end', () => this.fail(new LifeboatError('SOURCE_CONNECTION_LOST', { message: 'the server hung up' })))
  }

  /** Bytes that came from the socket and were not taken yet. */
  get waitingBytes(): number {
    return this.#waitingBytes + this.#headed + this.#filled
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

  /** Nobody looks at the body of a message any more: a later one may lie in its memory. */
  giveBack({ buffer }: Buffer): void {
    const isLong = buffer.byteLength === LONG_BYTES && buffer instanceof ArrayBuffer
    if (isLong && this.#spare.length < MOST_SPARE) this.#spare.push(buffer)
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
    for (let at = 0; at < chunk.length; )
      at += this.#headed < HEADER ? this.#addHead(chunk, at) : this.#addBody(chunk, at)
    if (this.#messages.length > 0) this.#arrived?.()
    if (this.#waitingBytes > HIGH_WATER) this.#socket.pause()
  }

  #addHead(chunk: Buffer, at: number): number {
    const taken = chunk.copy(this.#head, this.#headed, at, at + HEADER - this.#headed)
    this.#headed += taken
    if (this.#headed === HEADER) {
      this.#body = this.#memory(this.#head.readUInt32BE(1) - 4)
      if (this.#body.length === 0) this.#finish()
    }
    return taken
  }

  #addBody(chunk: Buffer, at: number): number {
    const taken = chunk.copy(this.#body, this.#filled, at)
    this.#filled += taken
    if (this.#filled === this.#body.length) this.#finish()
    return taken
  }

  #finish(): void {
    this.#messages.push({ type: this.#head[0] as number, body: this.#body })
    this.#waitingBytes += this.#body.length
    this.#headed = 0
    this.#filled = 0
  }

  #memory(bytes: number): Buffer {
    const isLong = bytes > LONG_BYTES / 2 && bytes <= LONG_BYTES
    if (!isLong) return Buffer.allocUnsafe(bytes)
    return Buffer.from(this.#spare.pop() ?? new ArrayBuffer(LONG_BYTES), 0, bytes)
  }
}
