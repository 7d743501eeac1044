import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { BESIDE, MERGE, REPLACE, type ServedTablesHouse, serveTablesHouse } from './tables-restore-house.ts'

let clinic: ServedTablesHouse
beforeAll(async () => {
  clinic = await serveTablesHouse()
})
afterAll(() => clinic?.[Symbol.asyncDispose]())
beforeEach(() => clinic.reset())

describe('refused, with nothing changed and nothing left:', () => {
  const unchanged = async (wish: object) => {
    const tables = ['clinic.ward', 'clinic.visit', 'clinic.note']
    const was = await Promise.all(tables.map((name) => clinic.contents(name).catch(() => '')))
    const settled = await clinic.obeyed(wish)
    expect(await Promise.all(tables.map((name) => clinic.contents(name).catch(() => '')))).toEqual(was)
    expect(await clinic.left()).toEqual([])
    expect(settled).toMatchObject({ outcome: 'failed', swapped: false })
    return settled?.error
  }

  test.each([
    ['a table that is gone', 'drop table clinic.note', 'note', REPLACE, /there is no table clinic\.note/],
    [
      'a view in its place',
      'drop table clinic.note; create view clinic.note as select 1 as a',
      'note',
      REPLACE,
      /is a view/,
    ],
    [
      'a column that is gone',
      'alter table clinic.visit drop column mood',
      'visit',
      MERGE,
      /column mood \(clinic\.mood\) is in the backup and not in the table/,
    ],
    [
      'a column that came up',
      'alter table clinic.note add column more int',
      'note',
      REPLACE,
      /column more \(integer\) is in the table and not/,
    ],
    [
      'a column of another type',
      'alter table clinic.ward alter column name type varchar(50)',
      'ward',
      REPLACE,
      /column name is character varying\(50\) now and was text/,
    ],
    ['no key to merge by', 'select 1', 'note', MERGE, /no primary key/],
  ])('%s', async (_, sql, names, into, words) => {
    await clinic.query(sql)
    const error = await unchanged(clinic.wish(names, into))
    expect(error).toMatchObject({ code: 'RESTORE_TABLE_UNFIT', facts: { differences: [expect.stringMatching(words)] } })
  })

  test('rows that would refer to nothing, whichever of the two tables is restored', async () => {
    await clinic.query('delete from clinic.ward where id = 3')
    expect(await unchanged(clinic.wish('visit', MERGE))).toMatchObject({
      code: 'RESTORE_RULE_BROKEN',
      facts: { broken: ['visit_ward_fkey: 100 rows of clinic.visit would refer to nothing in clinic.ward'] },
    })
    await clinic.query(
      `insert into clinic.ward (name) values ('west'); insert into clinic.visit (no, ward) values (1, 4)`,
    )
    expect(await unchanged(clinic.wish('ward', REPLACE))).toMatchObject({
      facts: { broken: ['visit_ward_fkey: 1 row of clinic.visit would refer to nothing in clinic.ward'] },
    })
  })

  test('rows against a unique or check constraint', async () => {
    await clinic.query(
      `delete from clinic.visit; delete from clinic.ward where id = 3; insert into clinic.ward (name) values ('east')`,
    )
    expect(await unchanged(clinic.wish('ward', MERGE))).toMatchObject({
      code: 'RESTORE_RULE_BROKEN',
      facts: { broken: [expect.stringMatching(/clinic\.ward: .*"ward_name_key"/)] },
    })
    await clinic.query('alter table clinic.visit add check (ward < 3)')
    expect(await unchanged(clinic.wish('visit', REPLACE))).toMatchObject({
      facts: { broken: [expect.stringMatching(/check constraint "visit_ward_check"/)] },
    })
  })

  test.each(['initially deferred', 'initially immediate'])(
    'rows against a unique or exclusion constraint that is deferrable %s',
    async (when) => {
      await clinic.query(`delete from clinic.visit; delete from clinic.ward where id = 3; insert into clinic.ward (name) values ('east');
        alter table clinic.ward drop constraint ward_name_key, add constraint one_name unique (name) deferrable ${when}`)
      const error = {
        code: 'RESTORE_RULE_BROKEN',
        facts: { broken: [expect.stringMatching(/clinic\.ward: .*"one_name"/)] },
      }
      expect(await unchanged(clinic.wish('ward', MERGE))).toMatchObject(error)
      await clinic.query(
        `alter table clinic.ward drop constraint one_name, add constraint one_name exclude (name with =) deferrable ${when}`,
      )
      expect(await unchanged(clinic.wish('ward', MERGE))).toMatchObject(error)
      await clinic.query(`alter table clinic.result add constraint one_day unique (day) deferrable ${when}; delete from clinic.result where id = 50;
        insert into clinic.result values (61, date '2025-12-01' + 50, 1)`)
      expect(await unchanged(clinic.wish('result', MERGE))).toMatchObject({
        code: 'RESTORE_RULE_BROKEN',
        facts: { broken: [expect.stringMatching(/clinic\.result_new: .*day/)] },
      })
    },
  )

  test('an export whose rows are not those that were measured', async () => {
    const spoil = (title: string, csv: string) => (title === 'clinic.note' ? csv.replace('word 3', 'word 4') : csv)
    const { backupId } = await clinic.seal({ spoil })
    for (const into of [BESIDE, REPLACE])
      expect(await unchanged(clinic.wish('note', into, { backupId }))).toMatchObject({
        code: 'RECOVERY_UNLIKE',
        facts: { differences: ['Rows of clinic.note differ from what was backed up.'] },
      })
  })

  test('a trigger that always fires and changes what comes back', async () => {
    await clinic.query(`create function clinic.meddle() returns trigger language plpgsql as $$ begin new.words := 'changed'; return new; end $$;
      create trigger always before insert on clinic.note for each row execute function clinic.meddle(); alter table clinic.note enable always trigger always`)
    const unlike = {
      code: 'RECOVERY_UNLIKE',
      facts: { differences: [expect.stringContaining('a trigger changed them')] },
    }
    expect(await unchanged(clinic.wish('note', REPLACE))).toMatchObject(unlike)
    await clinic.query(`delete from clinic.visit where id < 10; create function clinic.mend() returns trigger language plpgsql as $$ begin new.data := '{}'; return new; end $$;
      create trigger always before insert on clinic.visit for each row execute function clinic.mend(); alter table clinic.visit enable always trigger always`)
    expect(await unchanged(clinic.wish('visit', MERGE))).toMatchObject(unlike)
  })

  test('a trigger that always fires, and late', async () => {
    await clinic.query(`create function clinic.meddle_late() returns trigger language plpgsql as $$ begin update clinic.note set words = 'changed' where words <> 'changed'; return null; end $$;
      create constraint trigger late after insert on clinic.note deferrable initially deferred for each row execute function clinic.meddle_late();
      alter table clinic.note enable always trigger late`)
    expect(await unchanged(clinic.wish('note', REPLACE))).toMatchObject({
      code: 'RECOVERY_UNLIKE',
      facts: { differences: [expect.stringContaining('a trigger changed them')] },
    })
  })

  test('a table somebody holds on to; whoever it is is told, and let go it is restored', async () => {
    await using holder = await clinic.connected('somebody')
    await holder.query('begin; lock table clinic.note in row exclusive mode')
    expect(await unchanged(clinic.wish('note', REPLACE))).toMatchObject({
      code: 'RESTORE_TABLE_BUSY',
      facts: { holders: [expect.stringMatching(/^pid \d+, somebody of postgres, idle in transaction: clinic\.note$/)] },
    })
    const { restoreId } = await clinic.at.command(clinic.cfg, clinic.wish('note', REPLACE, { drainMs: 600_000 }))
    await clinic.untilWaiting()
    await holder.query('commit')
    expect(await clinic.at.settled(restoreId)).toMatchObject([{ outcome: 'done' }])
  })
})
