import { expect, test } from 'vitest'
import { fitGlobals, superuserMayLogIn } from './fit-globals.ts'

const folderOf = async (no: number) => `/scratch/tablespace-${no}`

test('the superuser that initdb made is not made again, everybody else is', async () => {
  const sql = 'CREATE ROLE postgres;\nALTER ROLE postgres WITH SUPERUSER;\nCREATE ROLE postgres2;\n'
  expect(await fitGlobals(sql, { superuser: 'postgres', folderOf })).toBe(
    'ALTER ROLE postgres WITH SUPERUSER;\nCREATE ROLE postgres2;\n',
  )
  expect(await fitGlobals('CREATE ROLE "Chef O""X";\n', { superuser: 'Chef O"X', folderOf })).toBe('')
})

test('a superuser that may not log in may do so here, and nobody else', async () => {
  const sql = [
    `CREATE ROLE postgres;`,
    `ALTER ROLE postgres WITH SUPERUSER INHERIT NOLOGIN REPLICATION PASSWORD 'a NOLOGIN b';`,
    `ALTER ROLE postgres2 WITH NOLOGIN ;`,
    `COMMENT ON ROLE postgres2 IS 'ALTER ROLE postgres WITH NOLOGIN ';`,
  ].join('\n')
  expect(superuserMayLogIn(sql, 'postgres')).toBe(false)
  const fitted = await fitGlobals(sql, { superuser: 'postgres', folderOf })
  expect(fitted).toBe(sql.replace('CREATE ROLE postgres;\n', '').replace('INHERIT NOLOGIN', 'INHERIT LOGIN'))
  expect(superuserMayLogIn(fitted, 'postgres')).toBe(true)
})

test('each tablespace moves into a folder of the scratch server, whatever its name and place', async () => {
  const sql = [
    `CREATE TABLESPACE fast OWNER postgres LOCATION '/mnt/fast';`,
    `CREATE TABLESPACE "odd LOCATION '/x'" OWNER "Ärztin O'Neill" LOCATION '/mnt/it''s';`,
    `COMMENT ON TABLESPACE fast IS 'CREATE TABLESPACE a OWNER b LOCATION ''c'';';`,
  ].join('\n')
  expect(await fitGlobals(sql, { superuser: 'postgres', folderOf })).toBe(
    [
      `CREATE TABLESPACE fast OWNER postgres LOCATION '/scratch/tablespace-0';`,
      `CREATE TABLESPACE "odd LOCATION '/x'" OWNER "Ärztin O'Neill" LOCATION '/scratch/tablespace-1';`,
      `COMMENT ON TABLESPACE fast IS 'CREATE TABLESPACE a OWNER b LOCATION ''c'';';`,
    ].join('\n'),
  )
})
