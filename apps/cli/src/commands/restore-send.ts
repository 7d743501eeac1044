import type { Command } from '../context.ts'
import { withFleet } from '../open-fleet.ts'
import { sendOrder } from '../restore/hand-over.ts'
import { readWishFile } from './restore-sign.ts'

/** Sends a command that was written down, as `nats pub` would. */
export const restoreSend: Command<{ file: string; timeout?: string }> = ({ file, timeout }, context) =>
  withFleet(context, [], async ({ bus }) =>
    sendOrder(bus, await readWishFile(file, context.terminal), context, timeout),
  )
