import { restoreBeside } from '@lifeboat/recovery/bare/recover-into-server.ts'
import { openDump } from '@lifeboat/recovery/dump/open-dump.ts'
import type { SourceId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { DatabaseOrder, NewDatabaseOrder } from '@lifeboat/shared/domain/restore.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { beginAnew } from './around-swap.ts'
import { type CopyChosen, chooseDump, type DumpPicked } from './choose-copy.ts'
import type { Command } from './command.ts'
import { orNextTarget } from './next-target.ts'
import { onDisks } from './on-disks.ts'
import { planOf } from './plan.ts'
import type { Ending } from './tell.ts'
import { whileReading } from './while-reading.ts'

type Order = DatabaseOrder<'restore'> | NewDatabaseOrder<'restore'>
type Counted = Pick<Ending, 'tables' | 'rows'>

/**
 * Restores a dump into a database of the name `next`, out of the first copy that is whole, compares and analyses it. The caller holds the database.
 *
 * @throws LifeboatError – nothing is left but roles
 */
export async function restoreDump(command: Command, order: Order, next: string): Promise<Counted> {
  const { deps, restore, run, report, patienceMs, awaiting } = command
  await beginAnew(command)
  const choose = (targets: readonly TargetId[]) => {
    report('look')
    return chooseDump(
      { ...order, sourceId: copiesOf(order), targets },
      { cfg: deps.cfg, restore, signal: run.signal, patienceMs, awaiting },
    )
  }
  return orNextTarget(command, order.targets, choose, (copy) => restoreCopy(command, order, copy, next))
}

function copiesOf(order: Order): SourceId {
  return (order.kind === 'new database' ? order.newDatabase.copiesOf : undefined) ?? order.sourceId
}

function restoreCopy(command: Command, order: Order, copy: CopyChosen<DumpPicked>, next: string): Promise<Counted> {
  const { deps, server, database, report } = command
  const { hooks, drainMs, sourceId } = order
  const newDatabase = order.kind === 'new database' ? order.newDatabase : undefined
  return whileReading({ ...command, order }, async (readerOf) => {
    const reader = readerOf(copy.target)
    const about = {
      cfg: deps.cfg,
      of: command,
      sourceId,
      drainMs,
      hooks,
      newDatabase,
      key: 'here',
      clock: deps.clock,
    } as const
    const { plan, manifest } = await planOf(reader, copy, about)
    const [obstacle] = plan.obstacles
    if (obstacle) throw new LifeboatError(obstacle.code, obstacle.facts)
    report('open')
    const opened = (await openDump(reader, manifest)) ?? { fingerprint: undefined, globals: undefined }
    const beside = { server, database: newDatabase?.name ?? database, name: next, why: 'restoring' } as const
    const { compared } = await onDisks(plan.disks, reader.run, (run) =>
      restoreBeside({ ...reader, run }, manifest, opened, beside, report),
    )
    return compared ? { tables: compared.tables, rows: compared.rows } : {}
  })
}
