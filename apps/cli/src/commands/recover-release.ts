import { releaseReplaced } from '@lifeboat/recovery/swap/put-back.ts'
import type { Command } from '../context.ts'
import { LiveLine } from '../progress/live-line.ts'
import { confirmName } from '../recover/confirm-name.ts'
import { parseServer } from '../recover/read-wish.ts'

export interface ReleaseArgs {
  database: string
  server: string
  confirm?: string
}

/** Drops what `lifeboat recover --replace` and `recover revert` put aside. */
export const recoverRelease: Command<ReleaseArgs> = async ({ database, server, confirm }, { terminal, options }) => {
  const to = parseServer(server, terminal)
  using live = new LiveLine(terminal, { silent: options.json ?? false })
  await confirmName(database, confirm, terminal, live)
  const dropped = await releaseReplaced(to, database)
  return { value: { dropped }, text: () => `Dropped: ${dropped.join(', ')}.` }
}
