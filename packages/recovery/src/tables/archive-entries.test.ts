import { expect, test } from 'vitest'
import { contentsOf, definitionsOf, readEntries } from './archive-entries.ts'

const LIST = `;
; Archive created at 2026-11-29 14:03:20 UTC
;     dbname: records
;
; Selected TOC Entries:
;
3475; 0 0 ENCODING - ENCODING 
3478; 1262 5 DATABASE - records postgres
8; 2615 16384 SCHEMA - clinic postgres
2; 3079 16385 EXTENSION - citext 
3480; 0 0 COMMENT - EXTENSION citext 
;	depends on: 2
3; 3079 16490 EXTENSION - pg_cron 
897; 1247 16493 TYPE clinic mood postgres
;	depends on: 8
271; 1255 16495 FUNCTION clinic size(text) postgres
;	depends on: 8
220; 1259 16507 TABLE clinic ident postgres
;	depends on: 2 2 2 8
219; 1259 16506 SEQUENCE clinic ident_id_seq postgres
;	depends on: 8 220
218; 1259 16497 TABLE clinic visit postgres
;	depends on: 271 8 897
224; 1259 16524 VIEW clinic ill postgres
;	depends on: 218 8
217; 1259 16496 SEQUENCE clinic visit_id_seq postgres
;	depends on: 218 8
3482; 0 0 SEQUENCE OWNED BY clinic visit_id_seq postgres
;	depends on: 217
221; 1259 16514 TABLE clinic odd name postgres
;	depends on: 8
222; 1259 16518 TABLE clinic result postgres
;	depends on: 8
223; 1259 16521 TABLE clinic result_old postgres
;	depends on: 8
3316; 0 0 TABLE ATTACH clinic result_old postgres
;	depends on: 223 222
3317; 2604 16500 DEFAULT clinic visit id postgres
;	depends on: 218 217 218
3470; 0 16507 TABLE DATA clinic ident postgres
;	depends on: 220
3471; 0 16514 TABLE DATA clinic odd name postgres
;	depends on: 221
3472; 0 16521 TABLE DATA clinic result_old postgres
;	depends on: 223
3468; 0 16497 TABLE DATA clinic visit postgres
;	depends on: 218
3483; 0 0 SEQUENCE SET clinic ident_id_seq postgres
;	depends on: 219
3484; 0 0 SEQUENCE SET clinic visit_id_seq postgres
;	depends on: 217
3321; 2606 16505 CONSTRAINT clinic visit visit_pkey postgres
;	depends on: 218
`

const entries = readEntries(LIST)
const whats = (chosen: ReturnType<typeof readEntries>) => chosen.map(({ what }) => what.replace(/ postgres$| $/, ''))
const of = (...names: string[]) => names.map((name) => ({ schema: 'clinic', name }))

test('a table is defined with its types, functions and sequences, and with nothing nobody needs', () => {
  expect(whats(definitionsOf(entries, of('visit')))).toEqual([
    ...['SCHEMA - clinic', 'TYPE clinic mood', 'FUNCTION clinic size(text)', 'TABLE clinic visit'],
    ...['SEQUENCE clinic visit_id_seq', 'SEQUENCE OWNED BY clinic visit_id_seq', 'DEFAULT clinic visit id'],
  ])
})

test('a partitioned table brings its partitions, and a column the extension of its type', () => {
  expect(whats(definitionsOf(entries, of('result')))).toEqual([
    ...['SCHEMA - clinic', 'TABLE clinic result', 'TABLE clinic result_old', 'TABLE ATTACH clinic result_old'],
  ])
  expect(whats(definitionsOf(entries, of('ident')))).toEqual([
    ...['SCHEMA - clinic', 'EXTENSION - citext', 'TABLE clinic ident', 'SEQUENCE clinic ident_id_seq'],
  ])
})

test('rows and states of sequences are those of the very names', () => {
  expect(contentsOf(entries, of('visit', 'visit_id_seq')).map(({ line }) => line)).toEqual([
    '3468; 0 16497 TABLE DATA clinic visit postgres',
    '3484; 0 0 SEQUENCE SET clinic visit_id_seq postgres',
  ])
  expect(whats(contentsOf(entries, of('odd name')))).toEqual(['TABLE DATA clinic odd name'])
})

test('a name in two lines is one in the list', () => {
  expect(whats(contentsOf(entries, of('odd\nname')))).toEqual(['TABLE DATA clinic odd name'])
})
