import { setOf } from '@lifeboat/shared/domain/ids.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { cosignOrder, readOrder } from '@lifeboat/shared/signing/orders.ts'
import type { Command } from '../context.ts'
import { LiveLine } from '../progress/live-line.ts'
import { confirmName } from '../recover/confirm-name.ts'
import { openKey } from '../restore/operator-keys.ts'
import { type OrderFile, readOrderFile, rewriteOrderFile } from '../restore/order-file.ts'

export interface RestoreSignArgs {
  file: string
  key?: string
  yesIMean?: string
}

/** Adds the signature of another operator to what was written down. */
export const restoreSign: Command<RestoreSignArgs> = async ({ file, key, yesIMean }, { terminal, options }) => {
  const { point, before, wishes } = await readOrderFile(file, terminal)
  const by = await openKey(key, terminal)
  using line = new LiveLine(terminal, { silent: options.json ?? false })
  for (const wish of wishes) line.say(shown(wish))
  await confirmName(nameOf({ point, wishes }), yesIMean, terminal, line)
  const signed = await Promise.all(wishes.map(async (wish) => ({ ...wish, order: await cosignOrder(wish.order, by) })))
  await rewriteOrderFile(file, { point, before, wishes: signed }, terminal)
  const told = signed.map(({ restoreId, order }) => ({ restoreId, signers: readOrder(order).claimed }))
  return {
    value: point === undefined ? told[0] : { point, orders: told },
    text: () => told.map(({ restoreId, signers }) => `${restoreId} is signed by ${signers.join(', ')}`).join('\n'),
  }
}

function shown({ order: signed }: OrderFile['wishes'][number]): string {
  const { order, claimed } = readOrder(signed)
  const { sealedIdentity: _sealed, ...told } = { sealedIdentity: '', ...order }
  return `signed so far by ${claimed.join(', ')}:\n${JSON.stringify(told, null, 2)}`
}

/** What is typed before it is signed. */
function nameOf({ point, wishes: [first] }: OrderFile): string {
  if (point !== undefined) return setOf(point)
  if (!first) throw new LifeboatError('INTERNAL', { message: 'a file without a command' })
  return readOrder(first.order).order.sourceId
}
