import { setTimeout as sleep } from 'node:timers/promises'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { BasePiece } from './base-backup.ts'
import type { BaseBackupOptions, BaseProgress } from './base-command.ts'
import { type ReplicationConnection, unexpected } from './connection.ts'
import { FROM_SERVER } from './messages.ts'
import { ReadPacer } from './read-pacer.ts'

type Head = { kind: 'archive'; name: string; path: string } | { kind: 'manifest' }

/** First byte of each message in the copy stream of a base backup (PostgreSQL 15 on). */
const PART = { archive: 0x6e, data: 0x64, manifest: 0x6d, progress: 0x70 } as const

/** A rest that is shorter is taken together with the next ones. */
const LEAST_REST_MS = 5

/**
 * Cuts the one copy stream of a base backup into its archives and the manifest. Where reading is limited, the socket is left unread meanwhile and the
 * server waits in its sending: `wal_sender_timeout` does not count there, it is for the streaming of WAL.
 */
export class ArchiveStream {
  readonly #connection: ReplicationConnection
  readonly #total: number
  readonly #progress: (progress: BaseProgress) => void
  readonly #pacer: ReadPacer | undefined
  readonly #signal: AbortSignal
  /** What follows the piece that was read last; undefined while a piece is being read. */
  #head: Head | 'end' | undefined

  constructor(
    connection: ReplicationConnection,
    { totalBytes }: { totalBytes: number },
    { progress = () => {}, maxBytesPerSecond }: Pick<BaseBackupOptions, 'progress' | 'maxBytesPerSecond'>,
    signal: AbortSignal,
  ) {
    this.#connection = connection
    this.#total = totalBytes
    this.#progress = progress
    this.#signal = signal
    if (maxBytesPerSecond !== undefined) this.#pacer = new ReadPacer(maxBytesPerSecond, performance.now())
  }

  async *pieces(): AsyncGenerator<BasePiece> {
    await this.#skipToHead()
    while (this.#head !== 'end') {
      const head = this.#takeHead()
      const bytes = this.#bytes()
      yield head.kind === 'manifest' ? { kind: 'manifest', bytes } : archive(head, bytes)
      if (this.#head === undefined) throw new Error('a piece of a base backup was left before its end')
    }
  }

  async *#bytes(): AsyncGenerator<Buffer> {
    while (this.#head === undefined) {
      const data = await this.#nextData()
      if (data !== undefined) yield data
    }
  }

  async #skipToHead(): Promise<void> {
    while (this.#head === undefined)
      if ((await this.#nextData()) !== undefined)
        throw new LifeboatError('SOURCE_PROTOCOL_BROKEN', { expected: 'the name of an archive', got: 'data' })
  }

  #takeHead(): Head {
    const head = this.#head
    this.#head = undefined
    if (head === undefined || head === 'end') throw new Error('there is no piece to read')
    return head
  }

  /** @returns data of the current piece; undefined when something else came */
  async #nextData(): Promise<Buffer | undefined> {
    if (this.#pacer !== undefined) await this.#rest(this.#pacer)
    const message = this.#connection.tryNext() ?? (await this.#connection.next())
    if (message.type === FROM_SERVER.copyDone) {
      this.#head = 'end'
      return undefined
    }
    if (message.type !== FROM_SERVER.copyData) throw unexpected(message, 'copyData')
    const { body } = message
    switch (body[0]) {
      case PART.data:
        this.#pacer?.sent(body.length - 1)
        return body.subarray(1)
      case PART.progress:
        this.#report(Number(body.readBigInt64BE(1)))
        return undefined
      case PART.archive:
        this.#head = archiveHead(body)
        return undefined
      case PART.manifest:
        this.#head = { kind: 'manifest' }
        return undefined
      default:
        throw new LifeboatError('SOURCE_PROTOCOL_BROKEN', {
          expected: 'n, d, m or p',
          got: body.toString('latin1', 0, 1),
        })
    }
  }

  async #rest(pacer: ReadPacer): Promise<void> {
    const restMs = pacer.restMs(performance.now())
    if (restMs < LEAST_REST_MS) return
    await sleep(restMs, undefined, { signal: this.#signal }).catch(() => this.#signal.throwIfAborted())
  }

  #report(done: number): void {
    this.#pacer?.told(done)
    this.#progress({ done, total: Math.max(done, this.#total) })
  }
}

function archiveHead(body: Buffer): Head {
  const nameEnd = body.indexOf(0, 1)
  const pathEnd = body.indexOf(0, nameEnd + 1)
  return { kind: 'archive', name: body.toString('utf8', 1, nameEnd), path: body.toString('utf8', nameEnd + 1, pathEnd) }
}

/** A tablespace's archive is named by its oid: `16385.tar.zst`. */
function archive({ name, path }: Extract<Head, { kind: 'archive' }>, bytes: AsyncIterable<Buffer>): BasePiece {
  if (path === '') return { kind: 'archive', name, bytes }
  const oid = name.slice(0, name.indexOf('.'))
  return { kind: 'archive', name, tablespace: { oid, path }, bytes }
}
