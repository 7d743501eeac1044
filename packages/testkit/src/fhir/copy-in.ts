import { once } from 'node:events'
import type { Socket } from 'node:net'
import type { Client } from 'pg'
import type { Value } from './rows.ts'

/** What `pg` offers below its documented surface: a query object gets the connection while the server waits for COPY data. */
interface CopyConnection {
  stream: Socket
  query(text: string): void
  sendCopyFromChunk(chunk: Buffer): void
  endCopyFrom(): void
  sendCopyFail(message: string): void
}

/**
 * Streams text into `COPY … FROM STDIN` on one connection, waiting whenever the server is slower than we are.
 *
 * @throws whatever the server says about the data, or what `chunks` throws (the COPY is rolled back then)
 */
export async function copyIn(client: Client, statement: string, chunks: Iterable<string>): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    let failure: unknown
    const done = () => (failure === undefined ? resolve() : reject(failure))
    const query = {
      submit: (connection: CopyConnection) => connection.query(statement),
      handleCopyInResponse: (connection: CopyConnection) => {
        send(connection, chunks).catch((thrown: unknown) => {
          failure = thrown
          connection.sendCopyFail('the generator failed')
        })
      },
      handleError: (thrown: unknown) => {
        failure ??= thrown
        done()
      },
      handleReadyForQuery: done,
      handleCommandComplete: () => {},
      handleRowDescription: () => {},
      handleDataRow: () => {},
      handlePortalSuspended: () => {},
      handleEmptyQuery: () => {},
    }
    client.query(query as never)
  })
}

async function send(connection: CopyConnection, chunks: Iterable<string>): Promise<void> {
  for (const chunk of chunks) {
    connection.sendCopyFromChunk(Buffer.from(chunk))
    if (connection.stream.writableNeedDrain) await once(connection.stream, 'drain')
  }
  connection.endCopyFrom()
}

/** One line of COPY's text format. */
export function copyLine(row: readonly Value[]): string {
  return `${row.map(copyValue).join('\t')}\n`
}

function copyValue(value: Value): string {
  if (value === null) return '\\N'
  const text = String(value)
  return /[\\\t\n\r]/.test(text)
    ? text.replaceAll('\\', '\\\\').replaceAll('\t', '\\t').replaceAll('\n', '\\n').replaceAll('\r', '\\r')
    : text
}
