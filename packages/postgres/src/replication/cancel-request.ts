import { connect } from 'node:net'
import type { SourceConnection } from '../connection.ts'

const CANCEL_CODE = 80_877_102

/**
 * Asks the server to cancel what another connection runs; best effort, nobody waits for it.
 *
 * It goes unencrypted, as libpq sent it up to PostgreSQL 16: the key in it is good for nothing once that connection is closed.
 */
export function cancelRequest(to: SourceConnection, processId: number, secretKey: number): void {
  const socket = to.host.startsWith('/') ? connect(`${to.host}/.s.PGSQL.${to.port}`) : connect(to.port, to.host)
  const message = Buffer.alloc(16)
  message.writeInt32BE(16, 0)
  message.writeInt32BE(CANCEL_CODE, 4)
  message.writeInt32BE(processId, 8)
  message.writeInt32BE(secretKey, 12)
  socket.on('error', () => {})
  socket.setTimeout(5_000, () => socket.destroy())
  socket.end(message)
}
