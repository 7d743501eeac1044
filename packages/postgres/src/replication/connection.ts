import type { Socket } from 'node:net'
import { formatLsn, type Lsn, parseLsn, type Timeline } from '@lifeboat/shared/domain/wal.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Client } from 'pg'
import { about, type LoginOptions, openClient, type SourceConnection } from '../connection.ts'
import { quoteIdent } from '../sql-text.ts'
import { cancelRequest } from './cancel-request.ts'
import { FROM_SERVER, parseRow, parseWord, query, type Row, type ServerWord } from './messages.ts'
import { loginRefusalOf, refusalOf } from './refusal.ts'
import { Wire, type WireMessage } from './wire.ts'

export interface SystemIdentity {
  /** Unsigned 64-bit as text. */
  systemIdentifier: string
  timeline: Timeline
  /** How far WAL is flushed; on a standby, how far it is replayed. */
  xlogpos: Lsn
}

/**
 * Logs in as a physical WAL sender.
 *
 * @throws LifeboatError SOURCE_REPLICATION_REFUSED with the repair under `fix` | SOURCE_SENDERS_EXHAUSTED | SOURCE_REPLICATION_OFF, and what
 * `connectSource` throws
 */
export async function connectReplication(to: SourceConnection, login: LoginOptions): Promise<ReplicationConnection> {
  const client = await openClient(to, { ...login, replication: true }).catch((thrown: unknown) => {
    throw loginRefusalOf(thrown, to)
  })
  const connection = new ReplicationConnection(client, to)
  try {
    await connection.learnVersion()
    return connection
  } catch (err) {
    await connection[Symbol.asyncDispose]()
    throw err
  }
}

/** One walsender of the server and the replication commands it knows. One command at a time. */
export class ReplicationConnection implements AsyncDisposable {
  readonly wire: Wire
  /** Called with every notice and warning of the server. */
  onNotice: (word: ServerWord) => void = () => {}
  readonly #client: Client & { processID?: number; secretKey?: number }
  readonly #to: SourceConnection
  #versionNum = 0

  constructor(client: Client, to: SourceConnection) {
    this.#client = client
    this.#to = to
    this.wire = new Wire(client.connection.stream as Socket)
  }

  /** e.g. 170004. */
  get serverVersionNum(): number {
    return this.#versionNum
  }

  async learnVersion(): Promise<void> {
    this.#versionNum = Number(await this.show('server_version_num'))
  }

  async identifySystem(): Promise<SystemIdentity> {
    const [systemIdentifier = '', timeline, xlogpos = ''] = texts(await this.run('IDENTIFY_SYSTEM'))
    return { systemIdentifier, timeline: Number(timeline), xlogpos: formatLsn(parseLsn(xlogpos)) }
  }

  /** Value of a setting, in the server's own words: `16MB`. */
  async show(setting: string): Promise<string> {
    return texts(await this.run(`SHOW ${quoteIdent(setting)}`))[0] ?? ''
  }

  /**
   * The history file of a timeline, byte by byte; timeline 1 has none.
   *
   * @throws LifeboatError WAL_REMOVED
   */
  async timelineHistory(timeline: Timeline): Promise<{ filename: string; content: Buffer }> {
    const [[filename, content] = []] = await this.run(`TIMELINE_HISTORY ${timeline}`)
    return { filename: filename?.toString() ?? '', content: Buffer.from(content ?? '') }
  }

  /**
   * Makes a physical slot that keeps WAL from now on; a slot of that name that is there already stays as it is.
   *
   * @throws LifeboatError WAL_SLOTS_EXHAUSTED | SOURCE_RIGHTS_MISSING
   */
  async createPhysicalSlot(name: string, opts: { reserveWal: boolean }): Promise<{ created: boolean }> {
    const reserve = opts.reserveWal ? ' (RESERVE_WAL)' : ''
    return this.run(`CREATE_REPLICATION_SLOT ${quoteIdent(name)} PHYSICAL${reserve}`).then(
      () => ({ created: true }),
      (err: unknown) => {
        if (LifeboatError.is(err, 'WAL_SLOT_EXISTS')) return { created: false }
        throw err
      },
    )
  }

  /** @returns undefined when there is no such slot; `restartLsn` undefined when it keeps no WAL (never used, or invalidated) */
  async readSlot(name: string): Promise<{ restartLsn?: Lsn; restartTimeline?: Timeline } | undefined> {
    const [type, lsn, timeline] = texts(await this.run(`READ_REPLICATION_SLOT ${quoteIdent(name)}`))
    if (type === undefined) return undefined
    if (lsn === undefined || timeline === undefined) return {}
    return { restartLsn: formatLsn(parseLsn(lsn)), restartTimeline: Number(timeline) }
  }

  /**
   * @returns false when there was none
   * @throws LifeboatError WAL_SLOT_IN_USE
   */
  async dropSlot(name: string): Promise<boolean> {
    return this.run(`DROP_REPLICATION_SLOT ${quoteIdent(name)}`).then(
      () => true,
      (err: unknown) => {
        if (LifeboatError.is(err, 'WAL_SLOT_MISSING')) return false
        throw err
      },
    )
  }

  /** Sends a command and reads its whole answer; after an error of the server the connection can be used further. */
  async run(command: string): Promise<Row[]> {
    this.send(command)
    return this.finish()
  }

  /** Sends a command; the answer is read with `next`, `resultSet`, `finish`. */
  send(command: string): void {
    this.wire.write(query(command))
  }

  /**
   * The next message that says something: notices go to `onNotice`, an error is thrown.
   *
   * @throws LifeboatError the server's error translated, or why the connection is gone
   */
  async next(): Promise<WireMessage> {
    for (;;) {
      const message = this.wire.tryRead() ?? (await this.wire.read())
      if (!this.#isAside(message)) return message
    }
  }

  /** The same, if it is here already. */
  tryNext(): WireMessage | undefined {
    for (;;) {
      const message = this.wire.tryRead()
      if (message === undefined || !this.#isAside(message)) return message
    }
  }

  /** @throws LifeboatError SOURCE_PROTOCOL_BROKEN when another message comes */
  async expect(type: keyof typeof FROM_SERVER): Promise<WireMessage> {
    const message = await this.next()
    if (message.type !== FROM_SERVER[type]) throw unexpected(message, type)
    return message
  }

  /** The rows of one result set up to its end. */
  async resultSet(): Promise<Row[]> {
    const rows: Row[] = []
    await this.expect('rowDescription')
    for (;;) {
      const message = await this.next()
      if (message.type === FROM_SERVER.dataRow) rows.push(parseRow(message.body))
      else if (message.type === FROM_SERVER.commandComplete) return rows
      else throw unexpected(message, 'dataRow')
    }
  }

  /**
   * Closes the connection when the signal fires; whoever reads gets its reason. A command that runs is cancelled in the server as well, which
   * would otherwise notice only when it next writes.
   */
  closeOn(signal: AbortSignal): Disposable {
    const close = () => {
      const { processID, secretKey } = this.#client
      if (processID !== undefined && secretKey !== undefined && !this.wire.broken)
        cancelRequest(this.#to, processID, secretKey)
      this.wire.destroy(LifeboatError.from(signal.reason))
    }
    if (signal.aborted) close()
    signal.addEventListener('abort', close, { once: true })
    return { [Symbol.dispose]: () => signal.removeEventListener('abort', close) }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.wire.end()
  }

  /** The rows of what is left of an answer, up to where the server waits for the next command. */
  async finish(): Promise<Row[]> {
    const rows: Row[] = []
    try {
      for (;;) {
        const message = await this.next()
        if (message.type === FROM_SERVER.ready) return rows
        if (message.type === FROM_SERVER.dataRow) rows.push(parseRow(message.body))
      }
    } catch (err) {
      await this.#untilReady()
      throw err
    }
  }

  /** Reads what follows an error; a connection that is gone stays gone. */
  async #untilReady(): Promise<void> {
    while (!this.wire.broken) {
      const message = await this.wire.read().catch(() => undefined)
      if (message === undefined || message.type === FROM_SERVER.ready) return
    }
  }

  #isAside(message: WireMessage): boolean {
    if (message.type === FROM_SERVER.error) throw refusalOf(parseWord(message.body), about(this.#to))
    if (message.type === FROM_SERVER.notice) this.onNotice(parseWord(message.body))
    return message.type === FROM_SERVER.notice || message.type === FROM_SERVER.parameterStatus
  }
}

function texts([row = []]: Row[]): (string | undefined)[] {
  return row.map((column) => column?.toString())
}

/** The type byte is a letter of the protocol, e.g. `d` for CopyData. */
export function unexpected(message: WireMessage, expected: string): LifeboatError {
  return new LifeboatError('SOURCE_PROTOCOL_BROKEN', { got: String.fromCharCode(message.type), expected })
}
