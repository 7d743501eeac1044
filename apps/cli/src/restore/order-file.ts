import { readFile, writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { RestoreRequested } from '@lifeboat/shared/bus/messages/restore.ts'
import { RecoveryPointId, RestoreId } from '@lifeboat/shared/domain/ids.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { z } from 'zod'
import { writeNew } from '../files.ts'
import type { Terminal } from '../terminal.ts'

/** Signed commands on their way from one operator to the other. */
export interface OrderFile {
  /** What brings back all of this recovery point, in this order; absent where it is a command by itself, which is the body of its wish and no more. */
  point?: RecoveryPointId | undefined
  /** What earlier runs have brought back of it: its services may stand still since. */
  before?: readonly RestoreId[] | undefined
  wishes: readonly RestoreRequested[]
}

const Several = z.strictObject({
  point: RecoveryPointId,
  before: z.array(RestoreId).optional(),
  wishes: z.array(RestoreRequested.schema).min(1),
})
const Written = z.union([Several, RestoreRequested.schema.transform((wish): OrderFile => ({ wishes: [wish] }))])

/** @throws LifeboatError CLI_USAGE */
export async function readOrderFile(file: string, { cwd }: Pick<Terminal, 'cwd'>): Promise<OrderFile> {
  const text = await readFile(resolve(cwd, file), 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new LifeboatError('CLI_USAGE', { file, problem: `it cannot be read (${cause.code})` }, { cause })
  })
  try {
    return Written.parse(JSON.parse(text))
  } catch (cause) {
    throw new LifeboatError('CLI_USAGE', { file, problem: 'not what `lifeboat restore … --out` wrote' }, { cause })
  }
}

/** @returns where it lies @throws LifeboatError CLI_USAGE – the file is there already */
export async function writeOrderFile(file: string, orders: OrderFile, { cwd }: Pick<Terminal, 'cwd'>): Promise<string> {
  const path = resolve(cwd, file)
  await writeNew(path, textOf(orders))
  return path
}

export function rewriteOrderFile(file: string, orders: OrderFile, { cwd }: Pick<Terminal, 'cwd'>): Promise<void> {
  return writeFile(resolve(cwd, file), textOf(orders), { mode: 0o600 })
}

function textOf({ point, before, wishes }: OrderFile): string {
  return `${JSON.stringify(point === undefined ? wishes[0] : { point, before, wishes })}\n`
}
