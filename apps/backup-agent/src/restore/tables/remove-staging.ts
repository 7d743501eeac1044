import { connectSource } from '@lifeboat/postgres/connection.ts'
import { TABLES_SESSION } from '@lifeboat/recovery/tables/one-transaction.ts'
import { dropStaging } from '@lifeboat/recovery/tables/staging.ts'
import type { Command } from '../command.ts'
import { liveDatabase } from './site.ts'

/** What was loaded into the live database goes. A server that does not answer keeps it, until the next restore removes it. */
export async function removeStaging(command: Command, staging: string): Promise<void> {
  try {
    await using client = await connectSource(liveDatabase(command), TABLES_SESSION)
    await client.query('set session_replication_role = replica')
    await dropStaging(client, staging)
  } catch (err) {
    command.run.log.warn({ event: 'restore.staging-left', staging, err }, 'what was loaded could not be removed')
  }
}
