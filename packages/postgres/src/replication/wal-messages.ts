/** What comes in the copy stream of START_REPLICATION. */
export type WalMessage =
  | { kind: 'wal'; startLsn: bigint; serverEndLsn: bigint; sentAt: number; data: Buffer }
  | { kind: 'alive'; serverEndLsn: bigint; sentAt: number; replyWanted: boolean }

/** How far we are, each the first byte *not* yet written, flushed, applied; 0 says nothing. */
export interface Positions {
  write: bigint
  flush: bigint
  apply: bigint
}

const WAL = 0x77
const ALIVE = 0x6b
/** PostgreSQL counts microseconds from 2000-01-01. */
const EPOCH_MS = Date.UTC(2000, 0, 1)

/** @returns undefined for what this version of the protocol does not know */
export function parseWalMessage(body: Buffer): WalMessage | undefined {
  if (body[0] === WAL)
    return {
      kind: 'wal',
      startLsn: body.readBigUInt64BE(1),
      serverEndLsn: body.readBigUInt64BE(9),
      sentAt: toMillis(body.readBigInt64BE(17)),
      data: body.subarray(25),
    }
  if (body[0] !== ALIVE) return undefined
  return {
    kind: 'alive',
    serverEndLsn: body.readBigUInt64BE(1),
    sentAt: toMillis(body.readBigInt64BE(9)),
    replyWanted: body[17] === 1,
  }
}

/** @param ping asks the server to answer at once */
export function statusUpdate({ write, flush, apply }: Positions, now: number, ping: boolean): Buffer {
  const body = Buffer.alloc(34)
  body.write('r', 0, 'latin1')
  body.writeBigUInt64BE(write, 1)
  body.writeBigUInt64BE(flush, 9)
  body.writeBigUInt64BE(apply, 17)
  body.writeBigInt64BE(BigInt(Math.round(now - EPOCH_MS)) * 1000n, 25)
  body[33] = ping ? 1 : 0
  return body
}

function toMillis(micros: bigint): number {
  return EPOCH_MS + Number(micros / 1000n)
}
