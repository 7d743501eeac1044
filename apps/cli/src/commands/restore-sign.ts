import { readFile, writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { RestoreRequested } from '@lifeboat/shared/bus/messages/restore.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { cosignOrder, readOrder } from '@lifeboat/shared/signing/orders.ts'
import type { Command } from '../context.ts'
import { LiveLine } from '../progress/live-line.ts'
import { confirmName } from '../recover/confirm-name.ts'
import { openKey } from '../restore/operator-keys.ts'
import type { Terminal } from '../terminal.ts'

export interface RestoreSignArgs {
  file: string
  key?: string
  yesIMean?: string
}

/** Adds the signature of another operator to a command that was written down. */
export const restoreSign: Command<RestoreSignArgs> = async ({ file, key, yesIMean }, { terminal, options }) => {
  const wish = await readWishFile(file, terminal)
  const by = await openKey(key, terminal)
  const { order, claimed } = readOrder(wish.order)
  const { sealedIdentity: _sealed, ...shown } = { sealedIdentity: '', ...order }
  using line = new LiveLine(terminal, { silent: options.json ?? false })
  line.say(`signed so far by ${claimed.join(', ')}:\n${JSON.stringify(shown, null, 2)}`)
  await confirmName(order.sourceId, yesIMean, terminal, line)
  const signed = { ...wish, order: await cosignOrder(wish.order, by) }
  await writeFile(resolve(terminal.cwd, file), `${JSON.stringify(signed)}\n`, { mode: 0o600 })
  const signers = readOrder(signed.order).claimed
  return {
    value: { restoreId: wish.restoreId, signers },
    text: () => `${wish.restoreId} is signed by ${signers.join(', ')}`,
  }
}

/** @throws LifeboatError CLI_USAGE */
export async function readWishFile(file: string, { cwd }: Pick<Terminal, 'cwd'>): Promise<RestoreRequested> {
  const text = await readFile(resolve(cwd, file), 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new LifeboatError('CLI_USAGE', { file, problem: `it cannot be read (${cause.code})` }, { cause })
  })
  try {
    return RestoreRequested.schema.parse(JSON.parse(text))
  } catch (cause) {
    throw new LifeboatError(
      'CLI_USAGE',
      { file, problem: 'not a command `lifeboat restore run --out` wrote' },
      { cause },
    )
  }
}
