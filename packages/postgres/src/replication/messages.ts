/** Type bytes of the server's messages: https://www.postgresql.org/docs/current/protocol-message-formats.html */
export const FROM_SERVER = {
  commandComplete: 0x43,
  copyBoth: 0x57,
  copyData: 0x64,
  copyDone: 0x63,
  copyIn: 0x47,
  copyOut: 0x48,
  dataRow: 0x44,
  error: 0x45,
  notice: 0x4e,
  parameterStatus: 0x53,
  ready: 0x5a,
  rowDescription: 0x54,
} as const

/** An error or a notice of the server; `routine` and `sqlState` are the same in every language, `message` is not. */
export interface ServerWord {
  readonly severity: string
  readonly sqlState: string
  readonly message: string
  readonly detail?: string
  readonly hint?: string
  readonly routine?: string
}

/** Raw bytes of each column, undefined for null: replication commands have their own encodings. */
export type Row = readonly (Buffer | undefined)[]

export function parseRow(body: Buffer): Row {
  const row: (Buffer | undefined)[] = []
  let at = 2
  for (let left = body.readInt16BE(0); left > 0; left--) {
    const length = body.readInt32BE(at)
    at += 4
    row.push(length < 0 ? undefined : body.subarray(at, at + length))
    at += Math.max(length, 0)
  }
  return row
}

export function parseWord(body: Buffer): ServerWord {
  const fields: Record<string, string> = {}
  for (let at = 0; at < body.length && body[at] !== 0; ) {
    const end = body.indexOf(0, at + 1)
    fields[String.fromCharCode(body[at] as number)] = body.toString('utf8', at + 1, end)
    at = end + 1
  }
  const { S = '', V, C = '', M = '', D, H, R } = fields
  return {
    severity: V ?? S,
    sqlState: C,
    message: M,
    ...(D === undefined ? {} : { detail: D }),
    ...(H === undefined ? {} : { hint: H }),
    ...(R === undefined ? {} : { routine: R }),
  }
}

export function query(text: string): Buffer {
  return frame('Q', Buffer.from(`${text}\0`))
}

export function copyData(body: Buffer): Buffer {
  return frame('d', body)
}

export const COPY_DONE = frame('c', Buffer.alloc(0))

function frame(type: string, body: Buffer): Buffer {
  const message = Buffer.allocUnsafe(5 + body.length)
  message.write(type, 0, 'latin1')
  message.writeUInt32BE(4 + body.length, 1)
  body.copy(message, 5)
  return message
}
