import { Ledger } from '@lifeboat/catalog/ledger.ts'
import { connectSource, type SourceConnection } from '@lifeboat/postgres/connection.ts'
import { connectBus } from '@lifeboat/shared/bus/nats-bus.ts'
import { Secret } from '@lifeboat/shared/config/secret.ts'
import type { LedgerEntry } from '@lifeboat/shared/domain/ledger.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { eventually } from '@lifeboat/testkit/eventually.ts'
import { POLICY, SOURCE } from '@lifeboat/testkit/world/config.ts'
import { startWorld, type World } from '@lifeboat/testkit/world.ts'
import { expect, test } from 'vitest'

const LIVE = 'live'

test('an export due before the one before it has ended gives way, aloud: none runs beside another, and what was unchanged is not taken again', async () => {
  await using world = await startWorld({
    services: ['scheduler', 'backup-agent', 'uploader'],
    configure({ policies }) {
      const { targets, copies } = policies[POLICY] as NonNullable<(typeof policies)[string]>
      Object.assign(policies, {
        [LIVE]: {
          ...{ kind: 'tables', sources: [SOURCE], tables: { list: ['validation_results'] } },
          // What every minute is to an hour is every third second to this test.
          ...{ schedule: { cron: '*/3 * * * * *' }, grace: '1m', targets, copies },
        },
      })
    },
  })
  const { postgres, database } = world.source
  await using bus = await connectBus({ servers: [world.nats.url], name: 'test', log: silentLogger })
  const ledger = await Ledger.open(bus)
  const runs = async () => {
    // What changes while it is read comes once more, as it is then.
    const all = new Map((await Array.fromAsync(ledger.entries())).map((run) => [run.runId, run]))
    return [...all.values()].filter(({ policyId }) => policyId === LIVE).sort((a, b) => (a.dueAt < b.dueAt ? -1 : 1))
  }
  const of = async (state: LedgerEntry['state']) => (await runs()).filter((run) => run.state === state)

  await eventually(async () => expect((await of('succeeded')).length).toBeGreaterThan(1))
  await using holder = await connectSource(superuserOf(world), { applicationName: 'a long write', lockTimeoutMs: 0 })
  await holder.query(`BEGIN; LOCK TABLE validation_results IN ACCESS EXCLUSIVE MODE;
    DELETE FROM validation_results WHERE ctid IN (SELECT ctid FROM validation_results LIMIT 1)`)
  await eventually(async () => expect(await postgres.query(database, WAITING)).toHaveLength(1))
  // The ledger may be behind: only to the one that waits others give way.
  const waiting = await eventually(async () => {
    const [run, ...others] = await of('running')
    expect([run?.runId, others]).toEqual([expect.any(String), []])
    const reason = `${run?.runId} was still running when it was due`
    expect((await of('skipped')).filter((each) => each.reason === reason).length).toBeGreaterThan(1)
    return run?.runId ?? ''
  })
  await holder.query('COMMIT')
  // One that waited through it, one that found nothing new behind it.
  const end = async () => {
    const all = await runs()
    return all.slice(all.findIndex(({ runId }) => runId === waiting))
  }
  await eventually(async () => expect((await end()).some(({ unchanged }) => unchanged)).toBe(true))

  const done = await runs()
  const spans = done.filter(({ beganAt }) => beganAt !== undefined)
  for (const [i, { runId, beganAt = '' }] of spans.entries()) {
    const earlier = spans[i - 1]
    if (earlier) expect(beganAt >= (earlier.endedAt ?? '9'), `${runId} began beside ${earlier.runId}`).toBe(true)
  }
  expect(done.filter(({ state }) => ['failed', 'overdue'].includes(state))).toEqual([])
  // The first, and the one that waited: a row was gone by then.
  const taken = done.filter(({ state, unchanged }) => state === 'succeeded' && !unchanged)
  expect(taken.map(({ runId }) => runId)).toEqual([expect.any(String), waiting])
})

/** Sessions that wait for a lock on the table. */
const WAITING = `SELECT pid FROM pg_locks WHERE NOT granted AND relation = 'validation_results'::regclass`

function superuserOf({ source: { postgres, database } }: World): SourceConnection {
  const { host, port, user, password } = postgres
  return { host, port, database, user, password: new Secret(password), sslmode: 'disable' }
}
