import { expect, test } from 'vitest'
import { databaseEntries, renameDatabase } from './rename-database.ts'

test('every statement about the database speaks of the new one, and nothing else changes', () => {
  const script = `CREATE DATABASE records WITH TEMPLATE = template0 ENCODING = 'UTF8';
ALTER DATABASE records OWNER TO "of records";
\\connect records
COMMENT ON DATABASE records IS 'records of records';
ALTER DATABASE records SET search_path TO 'records', 'public';
ALTER ROLE "app of" IN DATABASE records SET work_mem TO '1MB';
REVOKE CONNECT,TEMPORARY ON DATABASE records FROM PUBLIC;
GRANT CONNECT ON DATABASE records TO app;
ALTER DATABASE records_old RESET ALL;`
  expect(renameDatabase(script, 'records', 'records_2').split('\n')).toEqual([
    `CREATE DATABASE "records_2" WITH TEMPLATE = template0 ENCODING = 'UTF8';`,
    'ALTER DATABASE "records_2" OWNER TO "of records";',
    `COMMENT ON DATABASE "records_2" IS 'records of records';`,
    `ALTER DATABASE "records_2" SET search_path TO 'records', 'public';`,
    `ALTER ROLE "app of" IN DATABASE "records_2" SET work_mem TO '1MB';`,
    'REVOKE CONNECT,TEMPORARY ON DATABASE "records_2" FROM PUBLIC;',
    'GRANT CONNECT ON DATABASE "records_2" TO app;',
    'ALTER DATABASE records_old RESET ALL;',
  ])
})

test('a name that must be quoted is found in its quotes', () => {
  expect(renameDatabase('ALTER DATABASE "my (db)" OWNER TO x;', 'my (db)', 'b')).toBe('ALTER DATABASE "b" OWNER TO x;')
})

test('only entries about the database itself are taken from the table of contents', () => {
  const list = `;
; Archive created at 2026-11-28
3354; 1262 16384 DATABASE - records postgres
3355; 0 0 DATABASE PROPERTIES - records postgres
3356; 0 0 ACL - DATABASE records postgres
3357; 0 0 COMMENT - DATABASE records postgres
216; 1259 16389 TABLE public observation postgres
3358; 0 0 ACL public TABLE observation postgres`
  expect(
    databaseEntries(list)
      .split('\n')
      .map((line) => line.split(';')[0]),
  ).toEqual(['3354', '3355', '3356', '3357'])
})
