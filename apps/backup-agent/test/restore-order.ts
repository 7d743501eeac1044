import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { moment, newRestoreId } from '@lifeboat/shared/domain/ids.ts'
import type { RestoreOrder } from '@lifeboat/shared/domain/restore.ts'
import { pipe } from '@lifeboat/testkit/seal-backup.ts'
import { SOURCE } from './agent-house.ts'

/** An order valid for ten minutes, restoring unless told otherwise. */
export function anOrder(to: { fleetId: string; agentId: string }, change: object): RestoreOrder {
  const now = Date.now()
  const times = { issuedAt: moment(now), expiresAt: moment(now + 600_000) }
  const about = { restoreId: newRestoreId(now), sourceId: SOURCE, hooks: {}, drainMs: 0, why: 'a test' }
  const nonce = randomBytes(18).toString('base64url')
  return { action: 'restore', ...to, ...about, ...times, nonce, ...change } as RestoreOrder
}

/** What opens backups, for one agent alone. */
export async function sealedTo(recipient: string, identityFile: string): Promise<string> {
  return (await pipe('age', ['-a', '-r', recipient], await readFile(identityFile))).toString()
}
