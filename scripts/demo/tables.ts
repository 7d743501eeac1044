import { POLICY, SOURCE, type WorldConfig } from '@lifeboat/testkit/world/config.ts'
import type { World } from '@lifeboat/testkit/world.ts'
import type { Stage } from './story.ts'
import type { Claim } from './summary.ts'

export const EXPORT_POLICY = 'validation'
const TABLES = ['validation_results', 'validation_settings']

/** What the runbook calls validation data; only people start it here. */
export function exportTables(config: WorldConfig): void {
  const policy = config.policies[POLICY]
  if (policy === undefined) throw new Error(`the world has no policy ${POLICY}`)
  const { assertions: _assertions, ...drill } = policy.drill ?? {}
  const { size: _size, ...rest } = policy
  config.policies[EXPORT_POLICY] = {
    ...rest,
    kind: 'tables',
    tables: { list: TABLES },
    drill: {
      ...drill,
      targets: 'rotate',
      assertions: TABLES.map((table) => ({
        name: `${table} are there`,
        sql: `SELECT count(*) FROM ${table}`,
        expect: { atLeast: 1 },
      })),
    },
  }
}

/** Two tables as CSV, loaded again to prove it; the run after it finds nothing changed and writes nothing. */
export async function exportAndAgain({ world, screen }: Stage): Promise<{ claims: Claim[] }> {
  screen.chapter('Validation data as CSV, and a run that finds nothing changed')
  const first = await exportNow(world, 'proven')
  screen.say(`${first.backupId} is proven: loaded into tables of the same definition, compared by content`)
  const again = await exportNow(world, 'stored')
  screen.say(again.unchanged ? `nothing changed: ${again.backupId} holds it all` : `${again.backupId} was taken anew`)
  const { exports } = await world.json<{ exports?: { tables: { title: string; rows: number }[] } }>([
    ...['backup', 'show', first.backupId],
  ])
  const rows = exports?.tables.map(({ title, rows: count }) => `${title} ${count} rows`) ?? []
  return {
    claims: [
      {
        claim: 'validation data was exported as CSV and proven; the next run found nothing changed and wrote nothing',
        held: first.proven.length > 0 && again.unchanged === true && again.backupId === first.backupId,
        detail: rows.join(', '),
      },
    ],
  }
}

interface Waited {
  backupId: string
  proven: string[]
  unchanged?: boolean
}

async function exportNow(world: World, goal: 'stored' | 'proven'): Promise<Waited> {
  const { runs } = await world.json<{ runs: Waited[] }>([
    ...['backup', 'now', SOURCE, '--policy', EXPORT_POLICY, '--wait', goal],
  ])
  const [run] = runs
  if (run === undefined) throw new Error('`lifeboat backup now` asked for nothing')
  return run
}
