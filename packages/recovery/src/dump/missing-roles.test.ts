import { expect, test } from 'vitest'
import { missingRoles } from './missing-roles.ts'

const GLOBALS = `SET standard_conforming_strings = on;
CREATE ROLE app;
ALTER ROLE app WITH NOSUPERUSER LOGIN PASSWORD 'SCRAM-SHA-256$4096:x';
CREATE ROLE "odd "" name";
ALTER ROLE "odd "" name" WITH NOLOGIN;
ALTER ROLE "odd "" name" SET work_mem TO '64MB';
CREATE ROLE postgres;
ALTER ROLE postgres WITH SUPERUSER LOGIN PASSWORD 'another';
CREATE TABLESPACE fast OWNER postgres LOCATION '/fast';
GRANT pg_read_all_data TO app WITH INHERIT TRUE GRANTED BY postgres;
GRANT app TO postgres;
GRANT pg_monitor TO postgres GRANTED BY postgres;
`

test('roles a server has stay as they are, and those it lacks come with everything they had', () => {
  const { sql, created } = missingRoles(GLOBALS, new Set(['postgres', 'app']))
  expect(created).toEqual(['odd " name'])
  expect(sql.trim().split('\n')).toEqual([
    'SET standard_conforming_strings = on;',
    'CREATE ROLE "odd "" name";',
    'ALTER ROLE "odd "" name" WITH NOLOGIN;',
    `ALTER ROLE "odd "" name" SET work_mem TO '64MB';`,
  ])
})

test('a membership comes when either side of it is new', () => {
  const { sql } = missingRoles(GLOBALS, new Set(['postgres', 'odd " name']))
  expect(sql).toContain('GRANT pg_read_all_data TO app')
  expect(sql).toContain('GRANT app TO postgres;')
  expect(sql).not.toContain('pg_monitor')
  expect(sql).not.toContain('TABLESPACE')
})
