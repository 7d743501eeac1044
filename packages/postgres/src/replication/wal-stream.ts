import { formatLsn, parseLsn, type Timeline } from '@lifeboat/shared/domain/wal.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { quoteIdent } from '../sql-text.ts'
import { type ReplicationConnection, unexpected } from './connection.ts'
import { COPY_DONE, copyData, FROM_SERVER, type Row } from './messages.ts'
import { parseSetting } from './settings.ts'
import { type Positions, parseWalMessage, statusUpdate, type WalMessage } from './wal-messages.ts'

export interface WalStreamOptions {
  /** Keeps the WAL that is not reported as flushed; without one the server may remove it. */
  slot?: string
  /** The first byte wanted; the beginning of a segment makes whole segments. */
  startLsn: bigint
  timeline: Timeline
  /** Longest time between two reports, milliseconds; default 10 s, and never more than a third of the server's wal_sender_timeout. */
  statusIntervalMs?: number
  /** A server that says nothing for so long although asked is taken for gone, milliseconds; default 60 s. */
  silenceMs?: number
}

export type WalEvent =
  | {
      kind: 'wal'
      timeline: Timeline
      /** Of the first byte of `data`; each event begins where the one before ended. */
      startLsn: bigint
      /** Valid until the next event is asked for. */
      data: Buffer
      /** How far the server's WAL went when it sent this. */
      serverEndLsn: bigint
      /** By the server's clock, milliseconds since 1970. */
      sentAt: number
    }
  /**
   * Nothing new; sent while the server is idle, and with `replyWanted` when it wants to know how far we are.
   *
   * NOTE a server that shuts down asks so again and again, and does not end before all it sent is reported as flushed: what is held back
   * for a timer should go now.
   */
  | { kind: 'alive'; timeline: Timeline; serverEndLsn: bigint; sentAt: number; replyWanted: boolean }
  /** The timeline ended; the next event is WAL of `next`, from the beginning of the segment of `switchLsn`. */
  | {
      kind: 'timeline'
      ended: Timeline
      next: Timeline
      switchLsn: bigint
      startLsn: bigint
      history: { filename: string; content: Buffer }
    }

/**
 * Streams WAL from `startLsn` on, through every timeline the server knows of; ends only by its signal or an error.
 *
 * While nobody asks for the next event the socket rests, but what was reported is repeated in time, so a slow reader never costs the
 * connection. A stream owns its connection and closes it when the iteration ends.
 *
 * @throws LifeboatError WAL_SLOT_MISSING | WAL_SLOT_IN_USE | WAL_SLOT_INVALIDATED | WAL_REMOVED | WAL_START_FOREIGN | SOURCE_CONNECTION_LOST |
 * SOURCE_PROTOCOL_BROKEN | the signal's reason
 * @see https://www.postgresql.org/docs/current/protocol-replication.html – START_REPLICATION
 */
export function streamWal(connection: ReplicationConnection, opts: WalStreamOptions, signal: AbortSignal): WalStream {
  return new WalStream(connection, opts, signal)
}

export class WalStream implements AsyncIterable<WalEvent> {
  readonly #connection: ReplicationConnection
  readonly #opts: WalStreamOptions
  readonly #signal: AbortSignal
  readonly #positions: Positions = { write: 0n, flush: 0n, apply: 0n }
  #copying = false
  #heardSinceStatus = true

  constructor(connection: ReplicationConnection, opts: WalStreamOptions, signal: AbortSignal) {
    this.#connection = connection
    this.#opts = opts
    this.#signal = signal
  }

  /**
   * Tells the server how far we are, at once. Positions never go back; `apply` follows `flush`.
   *
   * `flush` moves the slot and releases commits that wait for us, so it is for the caller to say; `write` releases those with
   * `synchronous_commit = remote_write`.
   */
  report({ write = 0n, flush = 0n, apply = flush }: Partial<Positions>): void {
    const now = this.#positions
    now.flush = later(now.flush, flush)
    now.write = later(now.write, later(write, now.flush))
    now.apply = later(now.apply, apply)
    this.#sendStatus(false)
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<WalEvent, never, undefined> {
    using _closing = this.#connection.closeOn(this.#signal)
    using _status = await this.#repeatStatus()
    try {
      let { startLsn, timeline } = this.#opts
      for (;;) {
        yield* this.#oneTimeline(timeline, startLsn)
        const turn = await this.#turn(timeline)
        yield turn
        ;({ next: timeline, startLsn } = turn)
      }
    } finally {
      this.#connection.wire.end()
    }
  }

  /** Ends where the timeline ends; the server's answer about the next one is still to be read. */
  async *#oneTimeline(timeline: Timeline, startLsn: bigint): AsyncGenerator<WalEvent> {
    const { slot } = this.#opts
    const from = slot === undefined ? '' : `SLOT ${quoteIdent(slot)} `
    this.#connection.send(`START_REPLICATION ${from}PHYSICAL ${formatLsn(startLsn)} TIMELINE ${timeline}`)
    const answer = await this.#connection.next()
    // A timeline that ends right here is not streamed: the server says at once which one is next.
    if (answer.type === FROM_SERVER.rowDescription) return
    if (answer.type !== FROM_SERVER.copyBoth) throw unexpected(answer, 'copyBoth')
    this.#copying = true
    this.#sendStatus(false)
    for (;;) {
      const message = await this.#nextMessage()
      if (message === undefined) break
      yield { ...message, timeline }
      if (message.kind === 'wal') this.#connection.wire.giveBack(message.data)
    }
    this.#copying = false
    this.#connection.wire.write(COPY_DONE)
  }

  /** @returns undefined when the server ended the copy */
  async #nextMessage(): Promise<WalMessage | undefined> {
    const message = this.#connection.tryNext() ?? (await this.#heard())
    this.#heardSinceStatus = true
    if (message.type === FROM_SERVER.copyDone) return undefined
    // A server that shuts down says only this before it hangs up.
    if (message.type === FROM_SERVER.commandComplete)
      throw new LifeboatError('SOURCE_CONNECTION_LOST', { message: 'the server shuts down' })
    const parsed = message.type === FROM_SERVER.copyData ? parseWalMessage(message.body) : undefined
    if (parsed === undefined) throw unexpected(message, 'WAL')
    if (parsed.kind === 'alive' && parsed.replyWanted) this.#sendStatus(false)
    return parsed
  }

  async #heard() {
    const { wire } = this.#connection
    const silenceMs = this.#opts.silenceMs ?? 60_000
    const before = wire.receivedBytes
    await wire.arrival(silenceMs)
    if (!wire.broken && wire.waitingBytes === 0 && wire.receivedBytes === before)
      wire.destroy(new LifeboatError('SOURCE_CONNECTION_LOST', { message: 'the server is silent', silenceMs }))
    return this.#connection.next()
  }

  async #turn(ended: Timeline): Promise<Extract<WalEvent, { kind: 'timeline' }>> {
    const { next, switchLsn } = readTurn(await this.#connection.finish())
    const segmentBytes = BigInt(parseSetting(await this.#connection.show('wal_segment_size')))
    const history = await this.#connection.timelineHistory(next)
    return { kind: 'timeline', ended, next, switchLsn, startLsn: switchLsn - (switchLsn % segmentBytes), history }
  }

  async #repeatStatus(): Promise<Disposable> {
    const limit = parseSetting(await this.#connection.show('wal_sender_timeout'))
    const wanted = this.#opts.statusIntervalMs ?? 10_000
    const every = limit === 0 ? wanted : Math.min(wanted, limit / 3)
    const timer = setInterval(() => {
      this.#sendStatus(!this.#heardSinceStatus)
      this.#heardSinceStatus = false
    }, every)
    return { [Symbol.dispose]: () => clearInterval(timer) }
  }

  #sendStatus(ping: boolean): void {
    if (!this.#copying || this.#connection.wire.broken) return
    this.#connection.wire.write(copyData(statusUpdate(this.#positions, Date.now(), ping)))
  }
}

function readTurn([row = []]: Row[]): { next: Timeline; switchLsn: bigint } {
  const [next, at] = row.map((column) => column?.toString() ?? '')
  if (!next || !at) throw new LifeboatError('SOURCE_PROTOCOL_BROKEN', { expected: 'the next timeline' })
  return { next: Number(next), switchLsn: parseLsn(at) }
}

function later(a: bigint, b: bigint): bigint {
  return a > b ? a : b
}
