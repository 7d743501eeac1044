import { RestorePlanned, RestorePlanRequested } from '@lifeboat/shared/bus/messages/restore.ts'
import { type BackupId, moment, newRestoreId, type TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { TablesWish } from '@lifeboat/shared/domain/restore-tables.ts'
import { eventually } from '@lifeboat/testkit/eventually.ts'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { SOURCE } from './agent-house.ts'
import { BESIDE, MERGE, REPLACE, type ServedTablesHouse, serveTablesHouse } from './tables-restore-house.ts'

let clinic: ServedTablesHouse
beforeAll(async () => {
  clinic = await serveTablesHouse()
})
afterAll(() => clinic?.[Symbol.asyncDispose]())
beforeEach(() => clinic.reset())

test('a plan tells out of which backup, how many rows, and what stands against it, and touches nothing', async () => {
  const { at } = clinic
  const ask = async (tables: TablesWish, targets: string[], backupId?: string) => {
    const restoreId = newRestoreId(Date.now())
    const about = { restoreId, agentId: clinic.cfg.agentId, sourceId: SOURCE, unproven: false, hooks: {}, tables }
    await at.house.bus.publish(RestorePlanRequested, {
      ...about,
      targets: targets as TargetId[],
      ...(backupId !== undefined && { backupId: backupId as BackupId }),
      requestedAt: moment(Date.now()),
    })
    return at.house.fact(RestorePlanned, (fact) => fact.restoreId === restoreId)
  }
  const tables = [
    { schema: 'clinic', name: 'visit' },
    { schema: 'clinic', name: 'note' },
  ]
  const { plan, error } = await ask({ tables, into: MERGE }, ['north', 'south'])
  expect(error).toBeUndefined()
  expect(plan).toMatchObject({
    ...{ backup: { backupId: clinic.backupId }, targetId: 'south', passedOver: [{ targetId: 'north' }] },
    tables: {
      from: 'export',
      tables: [
        { table: 'clinic.visit', rows: 300 },
        { table: 'clinic.note', rows: 40 },
      ],
    },
    obstacles: [
      {
        code: 'RESTORE_TABLE_UNFIT',
        facts: { differences: [expect.stringContaining('clinic.note: it has no primary key')] },
      },
    ],
  })
  const seen = { tables: [{ schema: 'clinic', name: 'seen' }], into: BESIDE }
  const older = await ask(seen, ['south'])
  expect(older.plan).toMatchObject({ backup: { backupId: at.backupId }, tables: { from: 'dump' } })
  const absent = await ask(seen, ['south'], clinic.backupId)
  expect(absent.error).toMatchObject({
    code: 'RESTORE_TABLE_ABSENT',
    facts: { holds: expect.arrayContaining(['clinic.note']) },
  })
  expect(await clinic.left()).toEqual([])
})

test('into a schema: the rows lie beside, the difference is told, and nothing that was there is touched', async () => {
  await clinic.query(
    `delete from clinic.visit where id <= 10; update clinic.visit set data = '{}' where id = 20; insert into clinic.ward (name) values ('west')`,
  )
  const before = await Promise.all(['clinic.visit', 'clinic.ward'].map(clinic.contents))
  const { restoreId } = await clinic.at.command(clinic.cfg, clinic.wish('visit ward', BESIDE))
  expect(await clinic.at.settled(restoreId)).toMatchObject([
    {
      ...{ outcome: 'done', swapped: false, schema: 'look', tables: 2, rows: 303 },
      diffs: [
        { table: 'clinic.visit', rows: 300, now: { rows: 290, onlyInBackup: 10, onlyNow: 0, different: 1 } },
        { table: 'clinic.ward', rows: 3, now: { rows: 4, onlyInBackup: 0, onlyNow: 1, different: 0 } },
      ],
    },
  ])
  expect(await clinic.left()).toEqual(['look.visit', 'look.ward'])
  expect(await Promise.all(['clinic.visit', 'clinic.ward'].map(clinic.contents))).toEqual(before)
  const told = await clinic.at.audited(restoreId)
  expect(told.map(({ event }) => event)).toEqual(['accepted', 'compared', 'done'])
  const tables = ['visit', 'ward'].map((name) => ({ schema: 'clinic', name }))
  const commanded = { tables, into: BESIDE, backupId: clinic.backupId, unproven: false }
  for (const each of told) expect(each).toMatchObject(commanded)
  expect(told[0]).not.toHaveProperty('hooks')
  expect(told[1]).toMatchObject({ diffs: [{ table: 'clinic.visit' }, { table: 'clinic.ward' }] })

  expect(await clinic.obeyed(clinic.wish('note', BESIDE))).toMatchObject({
    outcome: 'failed',
    error: { code: 'RESTORE_SCHEMA_TAKEN' },
  })
})

test('replaced, a table holds the rows of the backup and no others; it can be undone and let go', async () => {
  const was = await clinic.contents('clinic.visit')
  await clinic.query(`delete from clinic.visit where id <= 10; update clinic.visit set mood = 'well' where id between 20 and 29;
    insert into clinic.visit (no, ward) values (1, 1); select setval('clinic.visit_id_seq', 7); truncate clinic.seen`)
  const present = await clinic.contents('clinic.visit')
  await clinic.query(`create view clinic.ill as select id from clinic.visit where mood = 'ill'`)
  const hooks = { stop: 'good', start: 'good', ready: 'good' }
  const settled = await clinic.obeyed(clinic.wish('visit', REPLACE, { hooks, unproven: true }))
  const now = { rows: 291, onlyInBackup: 10, onlyNow: 1, different: 10 }
  const aside = expect.stringMatching(/^clinic\.visit_before_\d{8}t\d{6}z$/)
  expect(settled).toMatchObject({ outcome: 'done', swapped: true, aside, diffs: [{ now }], tables: 1, rows: 300 })
  const told = await clinic.at.audited(settled?.restoreId ?? '')
  expect(told[0]).toMatchObject({ event: 'accepted', into: REPLACE, hooks, unproven: true })
  expect([await clinic.contents('clinic.visit'), await clinic.at.hooksRan()]).toEqual([was, ['stop', 'start', 'ready']])
  expect(await clinic.left()).toEqual([aside])
  // No trigger fired, the sequence is where it was, and what hangs on the table hangs on it still.
  expect(
    await clinic.query(
      "select (select count(*)::int from clinic.seen) as seen, nextval('clinic.visit_id_seq')::int as next, (select count(*)::int from clinic.ill) as ill",
    ),
  ).toEqual([{ seen: 0, next: 301, ill: 150 }])
  const enabled = await clinic.query(
    `select tgenabled from pg_trigger where tgrelid = 'clinic.visit'::regclass and not tgisinternal order by tgname`,
  )
  expect(enabled).toEqual([{ tgenabled: 'O' }, { tgenabled: 'R' }])

  const reverted = await clinic.obeyed({
    action: 'revert',
    kind: 'tables',
    tables: [{ schema: 'clinic', name: 'visit' }],
  })
  expect(reverted).toMatchObject({ outcome: 'done', swapped: true, aside: expect.stringMatching(/visit_reverted_/) })
  expect([await clinic.contents('clinic.visit'), await clinic.left()]).toEqual([
    present,
    [expect.stringMatching(/visit_reverted_/)],
  ])
  const released = await clinic.obeyed({
    action: 'release',
    kind: 'tables',
    tables: [{ schema: 'clinic', name: 'visit' }],
  })
  expect(released).toMatchObject({ outcome: 'done', dropped: [expect.stringMatching(/visit_reverted_/)] })
  expect(await clinic.left()).toEqual([])
  for (const action of ['revert', 'release'])
    expect(
      await clinic.obeyed({ action, kind: 'tables', tables: [{ schema: 'clinic', name: 'visit' }] }),
    ).toMatchObject({
      error: { code: 'RECOVERY_NOTHING_ASIDE' },
    })
})

test('merged, what is missing or different comes back and what came since stays', async () => {
  await clinic.query(
    `delete from clinic.visit where id <= 10; update clinic.visit set data = null where id = 20; insert into clinic.visit (no, ward) values (1, 1)`,
  )
  const where = () => clinic.query('select ctid from clinic.visit where id in (99, 100)')
  const untouched = await where()
  const settled = await clinic.obeyed(clinic.wish('visit', MERGE))
  expect(await where()).toEqual(untouched)
  expect(settled).toMatchObject({
    outcome: 'done',
    diffs: [{ now: { rows: 291, onlyInBackup: 10, onlyNow: 1, different: 1 } }],
  })
  expect(
    await clinic.query(
      'select count(*)::int as rows, count(data)::int as data, count(*) filter (where id = 301)::int as new from clinic.visit',
    ),
  ).toEqual([{ rows: 301, data: 300, new: 1 }])
  expect(
    await clinic.obeyed({ action: 'revert', kind: 'tables', tables: [{ schema: 'clinic', name: 'visit' }] }),
  ).toMatchObject({ outcome: 'done' })
  expect(await clinic.query('select count(*)::int as rows, count(data)::int as data from clinic.visit')).toEqual([
    { rows: 291, data: 289 },
  ])
})

test('into a table that a vacuum found empty rows are not put one by one, each behind a look through those before it', async () => {
  const was = await clinic.contents('clinic.visit')
  await clinic.query('delete from clinic.visit')
  await clinic.query('vacuum analyze clinic.visit')
  const before = await looked()
  expect(await clinic.obeyed(clinic.wish('visit', REPLACE))).toMatchObject({ outcome: 'done', rows: 300 })
  expect(await clinic.contents('clinic.visit')).toEqual(was)
  await eventually(async () => expect((await looked()).came).toBeGreaterThanOrEqual(before.came + 300))
  expect((await looked()).scans - before.scans).toBeLessThan(100)
})

/** How often its server went through all of the table, and how many rows were put in. */
async function looked(): Promise<{ scans: number; came: number }> {
  const [row] = await clinic.query(
    `select seq_scan as scans, n_tup_ins as came from pg_stat_user_tables where relid = 'clinic.visit'::regclass`,
  )
  return { scans: Number(row?.scans), came: Number(row?.came) }
}

test("a constraint that is deferrable is none the less one afterwards, and stands in nobody's way", async () => {
  await clinic.query(
    `delete from clinic.visit; alter table clinic.ward drop constraint ward_name_key, add constraint one_name unique (name) deferrable initially deferred`,
  )
  const was = await clinic.contents('clinic.ward')
  const triggers = () =>
    clinic.query(`select tgname, tgenabled from pg_trigger where tgrelid = 'clinic.ward'::regclass order by 1`)
  const before = await triggers()
  await clinic.query(`update clinic.ward set name = 'south ' || id; delete from clinic.ward where id = 3`)
  for (const into of [MERGE, REPLACE])
    expect(await clinic.obeyed(clinic.wish('ward', into))).toMatchObject({ outcome: 'done' })
  expect([await clinic.contents('clinic.ward'), await triggers()]).toEqual([was, before])
})

test('several tables with rules between them, partitions and no key at all come back together', async () => {
  const tables = ['ward', 'visit', 'note', 'result'].map((name) => `clinic.${name}`)
  const was = await Promise.all(tables.map(clinic.contents))
  await clinic.query(
    `delete from clinic.ward where id = 3; delete from clinic.note where n = 3; insert into clinic.note values ('new', null), ('new', null); delete from clinic.result where id > 20`,
  )
  expect(await clinic.obeyed(clinic.wish('visit note result ward', REPLACE))).toMatchObject({
    outcome: 'done',
    diffs: [
      { table: 'clinic.visit' },
      { table: 'clinic.note', now: { rows: 38, onlyInBackup: 4, onlyNow: 2 } },
      { table: 'clinic.result', now: { onlyInBackup: 40 } },
      { table: 'clinic.ward', now: { onlyInBackup: 1 } },
    ],
  })
  expect(await Promise.all(tables.map(clinic.contents))).toEqual(was)
})

test('two tables whose long names begin alike are put back and let go each by itself', async () => {
  const [visits, bills] = ['visits', 'bills'].map((end) => `${'records_of_the_clinic_'.repeat(2)}${end}`)
  for (const [name, n] of [
    [visits, 1],
    [bills, 2],
  ])
    await clinic.query(`create table clinic.${name} (n int); insert into clinic.${name} values (${n})`)
  const { backupId } = await clinic.seal({ list: [visits, bills].map((name) => `clinic.${name}`) })
  await clinic.query(`update clinic.${visits} set n = 10; update clinic.${bills} set n = 20`)
  const rows = async () =>
    (
      await clinic.query(`select (select n from clinic.${visits}) as visits, (select n from clinic.${bills}) as bills`)
    )[0]
  expect(await clinic.obeyed(clinic.wish(`${visits} ${bills}`, REPLACE, { backupId }))).toMatchObject({
    outcome: 'done',
  })
  expect(await rows()).toEqual({ visits: 1, bills: 2 })

  const of = (name = '') => ({ kind: 'tables', tables: [{ schema: 'clinic', name }] })
  expect(await clinic.obeyed({ action: 'revert', ...of(bills) })).toMatchObject({ outcome: 'done' })
  expect(await rows()).toEqual({ visits: 1, bills: 20 })
  const { dropped } = (await clinic.obeyed({ action: 'release', ...of(bills) })) ?? {}
  expect(dropped).toEqual([expect.stringMatching(/^clinic\.records_.*_reverted_/)])
  expect(await clinic.obeyed({ action: 'release', ...of(visits) })).toMatchObject({
    dropped: [expect.stringMatching(/^clinic\.records_.*_before_/)],
  })
  expect(await clinic.left()).toEqual([])
})

test('a table somebody made is not let go, whatever it is called', async () => {
  const name = 'note_before_20260101t000000z'
  await clinic.query(`create table clinic.${name} as select * from clinic.note`)
  const release = { action: 'release', kind: 'tables', tables: [{ schema: 'clinic', name: 'note' }] }
  expect(await clinic.obeyed(release)).toMatchObject({ error: { code: 'RECOVERY_NOTHING_ASIDE' } })
  expect(await clinic.left()).toEqual([`clinic.${name}`])
})

test.each(['repeatable read', 'serializable'])(
  'what a writer commits while the locks are waited for is kept and replaced, also where transactions are %s by default',
  async (isolation) => {
    await clinic.query(`alter database records set default_transaction_isolation = '${isolation}'`)
    try {
      await using writer = await clinic.connected('somebody')
      await writer.query(`begin; insert into clinic.note values ('late', 1)`)
      const { restoreId } = await clinic.at.command(clinic.cfg, clinic.wish('note', REPLACE, { drainMs: 600_000 }))
      await clinic.untilWaiting()
      await writer.query('commit')
      const [settled] = await clinic.at.settled(restoreId)
      expect(settled).toMatchObject({ outcome: 'done' })
      expect(
        await clinic.query(
          `select (select count(*)::int from clinic.note) as now, (select count(*)::int from ${settled?.aside}) as kept`,
        ),
      ).toEqual([{ now: 40, kept: 41 }])
    } finally {
      await clinic.query('alter database records reset default_transaction_isolation')
    }
  },
)

test('a database in which people may only read by default takes rows back, and gives them up again', async () => {
  await clinic.query('delete from clinic.visit')
  await clinic.at.onlyReading(async () => {
    const tables = [{ schema: 'clinic', name: 'visit' }]
    for (const change of [
      clinic.wish('visit', BESIDE),
      clinic.wish('visit', REPLACE),
      clinic.wish('visit', MERGE, { backupId: clinic.at.backupId, tables: [{ schema: 'public', name: 'patient' }] }),
      { action: 'revert', kind: 'tables', tables },
      { action: 'release', kind: 'tables', tables },
    ])
      expect(await clinic.obeyed(change)).toMatchObject({ outcome: 'done' })
  })
})
