import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestPostgres } from './postgres.ts'

/** A hook of an agent; its time in milliseconds. */
export interface PostgresHook {
  command: string[]
  user: string
  timeout: number
  env: Record<string, string>
}

const STOP = `"$BIN/pg_ctl" -D "$DATA" status > /dev/null || exit 0
"$BIN/pg_ctl" -D "$DATA" -m fast -w -t 600 stop > /dev/null
`
const START = `"$BIN/pg_ctl" -D "$DATA" status > /dev/null && exit 0
"$BIN/pg_ctl" -D "$DATA" -l "$SERVER_LOG" -w -t 600 -o "$OPTIONS" start > /dev/null
`

/** What an operator would write with systemctl: programs that stop a test server and start it again on what lies in its data directory then. */
export async function postgresHooks(
  { port, socketDir, binDir, dataDir }: TestPostgres,
  folder: string,
): Promise<Record<'stop-pg' | 'start-pg', PostgresHook>> {
  await chmod(folder, 0o755)
  const options = `-p ${port} -c listen_addresses=127.0.0.1 -c unix_socket_directories=${socketDir} -c fsync=off`
  const env = { BIN: binDir, DATA: dataDir, OPTIONS: options, SERVER_LOG: join(socketDir, 'by-hooks.log') }
  const hook = async (name: string, text: string): Promise<PostgresHook> => {
    await writeFile(join(folder, name), text, { mode: 0o755 })
    return { command: ['/bin/sh', join(folder, name)], user: 'postgres', timeout: 600_000, env }
  }
  return { 'stop-pg': await hook('stop-pg.sh', STOP), 'start-pg': await hook('start-pg.sh', START) }
}
