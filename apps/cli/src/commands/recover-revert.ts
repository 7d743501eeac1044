import { revertReplaced } from '@lifeboat/recovery/swap/put-back.ts'
import type { Command } from '../context.ts'
import { parseDuration } from '../parse-moment.ts'
import { LiveLine } from '../progress/live-line.ts'
import { confirmName } from '../recover/confirm-name.ts'
import { DRAIN_MS, parseServer } from '../recover/read-wish.ts'

export interface RevertArgs {
  database: string
  server: string
  drain?: string
  confirm?: string
}

/** Undoes `lifeboat recover --replace`. */
export const recoverRevert: Command<RevertArgs> = async ({ database, server, drain, confirm }, context) => {
  const { terminal, options } = context
  const to = parseServer(server, terminal)
  const drainMs = drain === undefined ? DRAIN_MS : parseDuration(drain, '--drain')
  using live = new LiveLine(terminal, { silent: options.json ?? false })
  await confirmName(database, confirm, terminal, live)
  const value = await revertReplaced(to, database, { drainMs, run: { signal: terminal.signal } })
  const { back, aside, terminated } = value
  const replaced =
    aside === undefined
      ? 'No database bore the name any more.'
      : `What replaced it is now ${aside}; ${terminated} sessions were ended.`
  return { value, text: (style) => `${style.good(`${database} is again what it was (${back}).`)} ${replaced}` }
}
