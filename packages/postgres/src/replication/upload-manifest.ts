import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { ReplicationConnection } from './connection.ts'
import { COPY_DONE, copyData } from './messages.ts'

const FIRST_MAJOR = 17
const CHUNK = 64 * 1024

/**
 * Hands the server the parent's `backup_manifest`; the next BASE_BACKUP (INCREMENTAL) of this connection is relative to it.
 *
 * @throws LifeboatError BASE_INCREMENTAL_UNSUPPORTED | BASE_PARENT_UNFIT
 */
export async function uploadManifest(
  connection: ReplicationConnection,
  manifest: AsyncIterable<Uint8Array> | Uint8Array,
): Promise<void> {
  const major = Math.floor(connection.serverVersionNum / 10_000)
  if (major < FIRST_MAJOR) throw new LifeboatError('BASE_INCREMENTAL_UNSUPPORTED', { major })
  connection.send('UPLOAD_MANIFEST')
  await connection.expect('copyIn')
  for await (const bytes of manifest instanceof Uint8Array ? [manifest] : manifest)
    for (let at = 0; at < bytes.length; at += CHUNK) {
      connection.wire.write(copyData(Buffer.from(bytes.subarray(at, at + CHUNK))))
      await connection.wire.drained()
    }
  connection.wire.write(COPY_DONE)
  await connection.expect('commandComplete')
  await connection.expect('ready')
}
