import { Ledger } from '@lifeboat/catalog/ledger.ts'
import { connectBus } from '@lifeboat/shared/bus/nats-bus.ts'
import type { LedgerEntry } from '@lifeboat/shared/domain/ledger.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { eventually } from '@lifeboat/testkit/eventually.ts'
import { POLICY, SOURCE } from '@lifeboat/testkit/world/config.ts'
import { startWorld } from '@lifeboat/testkit/world.ts'
import { expect, test } from 'vitest'

const LIVE = 'live'
/** Several runs are due in that time. */
const LOCKED_S = 9

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
    const all = await Array.fromAsync(ledger.entries())
    return all.filter(({ policyId }) => policyId === LIVE).sort((a, b) => (a.dueAt < b.dueAt ? -1 : 1))
  }
  const of = async (state: LedgerEntry['state']) => (await runs()).filter((run) => run.state === state)

  await eventually(async () => expect((await of('succeeded')).length).toBeGreaterThan(1))
  await postgres.query(
    database,
    `DO $$ BEGIN
       LOCK TABLE validation_results IN ACCESS EXCLUSIVE MODE;
       DELETE FROM validation_results WHERE ctid IN (SELECT ctid FROM validation_results LIMIT 1);
       PERFORM pg_sleep(${LOCKED_S});
     END $$`,
  )
  await eventually(async () => {
    const all = await runs()
    const behindOther = all.filter(({ reason = '' }) => reason.includes('was still running'))
    expect(behindOther.length).toBeGreaterThan(1)
    // One that waited through it, one that found nothing new behind it.
    const behind = all.slice(all.findIndex(({ state }) => state === 'skipped'))
    expect(behind.filter(({ unchanged }) => unchanged).length).toBeGreaterThan(0)
  })

  const done = await runs()
  const skipped = done.filter(({ state }) => state === 'skipped')
  // On a slow machine one may have given way to the next before any agent began it.
  const waited = new Set(
    skipped.map(({ reason = '' }) => /^(live\.\S+) was still running when it was due$/.exec(reason)?.[1]),
  )
  const spans = done.filter(({ beganAt }) => beganAt !== undefined)
  for (const [i, { runId, beganAt = '' }] of spans.entries()) {
    const earlier = spans[i - 1]
    if (earlier) expect(beganAt >= (earlier.endedAt ?? '9'), `${runId} began beside ${earlier.runId}`).toBe(true)
  }
  expect(done.filter(({ state }) => ['failed', 'overdue'].includes(state))).toEqual([])
  // The first, and the one that waited: a row was gone by then.
  const taken = done.filter(({ state, unchanged }) => state === 'succeeded' && !unchanged)
  expect(taken).toHaveLength(2)
  expect(waited).toContain(taken[1]?.runId)
})
