import { expect, test } from 'vitest'
import { fitGlobals } from './fit-globals.ts'

const folderOf = async (no: number) => `/scratch/tablespace-${no}`

test('the superuser that initdb made is not made again, everybody else is', async () => {
  const sql = 'CREATE ROLE postgres;\nALTER ROLE postgres WITH SUPERUSER;\nCREATE ROLE postgres2;\n'
  expect(await fitGlobals(sql, { superuser: 'postgres', folderOf })).toBe(
    'ALTER ROLE postgres WITH SUPERUSER;\nCREATE ROLE postgres2;\n',
  )
  expect(await fitGlobals('CREATE ROLE "Chef O""X";\n', { superuser: 'Chef O"X', folderOf })).toBe('')
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
