import { connectSource, type SourceConnection } from '@lifeboat/postgres/connection.ts'
import { serverIn } from '@lifeboat/postgres/scratch/left-server.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'

/**
 * Whoever moves a data directory from under a running server ruins it, so neither its process nor its answer may be there: the process of a server
 * in another container cannot be seen, and a server that hangs does not answer.
 *
 * @throws LifeboatError RESTORE_STILL_RUNNING
 */
export async function demandStopped(server: SourceConnection, dataDirectory: string): Promise<void> {
  const pid = await serverIn(dataDirectory)
  if (pid !== undefined) throw new LifeboatError('RESTORE_STILL_RUNNING', { pid, dataDirectory })
  const problem = await connectSource(server, { applicationName: 'lifeboat restore', lockTimeoutMs: 10_000 }).then(
    async (client) => {
      await client.end()
      return undefined
    },
    (thrown: unknown) => LifeboatError.from(thrown).code,
  )
  // Any other answer is one of a server that runs.
  if (problem !== 'SOURCE_UNREACHABLE')
    throw new LifeboatError('RESTORE_STILL_RUNNING', { host: server.host, port: server.port, answer: problem ?? 'yes' })
}
