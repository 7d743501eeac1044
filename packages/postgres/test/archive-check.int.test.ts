import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { installedMajors, startPostgres, type TestPostgres } from '@lifeboat/testkit/postgres.ts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { archiveCheck } from '../src/archive/archive-check.ts'
import { blockContents } from '../src/archive/block-contents.ts'
import { dataInFile, tocInFile } from '../src/archive/data-in-file.ts'
import { dataPlaces } from '../src/archive/data-places.ts'
import { drain } from '../src/pipeline/drain.ts'
import { runPipeline } from '../src/pipeline/run-pipeline.ts'
import { acceptArchive, archiveGate } from '../src/tools/archive-gate.ts'
import { BASE_ENV } from '../src/tools/stage.ts'

const CONTENTS = `
  CREATE TABLE empty (); CREATE SCHEMA "Ö"; CREATE MATERIALIZED VIEW computed AS SELECT 1;
  CREATE TABLE "Ö"."odd name" AS SELECT g, repeat('x', g % 300) AS filler FROM generate_series(1, 2000) g;
  CREATE TABLE parted (i int) PARTITION BY LIST (i); CREATE TABLE leaf PARTITION OF parted DEFAULT; INSERT INTO parted VALUES (1);
  SELECT lo_from_bytea(0, 'abc'), lo_from_bytea(0, repeat('x', 10000)::bytea), lo_from_bytea(0, '')`
/** Bytes of the head up to the end of the moment it was made. */
const WITH_ITS_TIME = 55
const ODD_COPY = 'COPY "Ö"."odd name" (g, filler) FROM stdin;\n'
const TABLES = [
  { schema: 'public', name: 'empty' },
  { schema: 'public', name: 'leaf' },
  { schema: 'Ö', name: 'odd name' },
]

function check(archive: Buffer, step: number) {
  const reading = archiveCheck()
  for (let at = 0; at < archive.length; at += step) reading.add(archive.subarray(at, at + step))
  return reading.report()
}

describe.each(installedMajors())('an archive of PostgreSQL %i', (major) => {
  let pg: TestPostgres
  const dump = (...args: string[]) => {
    const to = ['-h', pg.socketDir, '-p', String(pg.port), '-U', pg.user, '-Fc', ...args, 'postgres']
    return execFileSync(join(pg.binDir, 'pg_dump'), to, { maxBuffer: 1e8 })
  }
  beforeAll(async () => {
    pg = await startPostgres({ major })
    await pg.query('postgres', CONTENTS)
  })
  afterAll(() => pg[Symbol.asyncDispose]())

  test.each([1, 7, 4096, 1e8])('is complete however its bytes are cut (%i at a time)', (step) => {
    for (const archive of [dump('-Z0'), dump()]) {
      const { tables, ...rest } = check(archive, step)
      expect(rest).toEqual({ bytes: archive.length })
      expect(tables).toHaveLength(3)
      expect(tables).toEqual(expect.arrayContaining(TABLES))
    }
  })

  test('that is a file tells how much each of its tables takes, and nothing where the places are not known', async () => {
    const file = join(pg.socketDir, 'sizes.dump')
    dump('-Z0', `--file=${file}`)
    const stored = await dataInFile(file)
    const table = (name: string) => stored.find(({ copy }) => copy.includes(name))
    expect(table('"Ö"."odd name"')).toMatchObject({ desc: 'TABLE DATA', copy: ODD_COPY })
    const text = execFileSync(join(pg.binDir, 'pg_restore'), ['--section=data', '--table=odd name', '--file=-', file])
    const rows = text.indexOf('\\.\n') - text.indexOf(ODD_COPY) - ODD_COPY.length
    expect(table('odd name')?.bytes).toBeGreaterThan(rows)
    expect(table('odd name')?.bytes).toBeLessThan(rows * 1.2)
    expect(table('leaf')?.bytes).toBeLessThan(100)
    writeFileSync(file, dump('-Z0'))
    expect(await dataInFile(file)).toEqual([])
  })

  test('that ends one byte early, or anywhere else before its end, is not complete', () => {
    const archive = dump()
    for (let end = 0; end < archive.length; end += end > archive.length - 3000 ? 1 : 97)
      expect(check(archive.subarray(0, end), 65_536).problem, `cut at ${end}`).toBeDefined()
  })

  test('with bytes behind its end is not complete', () => {
    expect(check(Buffer.concat([dump(), Buffer.from('x')]), 65_536).problem).toMatch(/unknown/)
  })

  test.each([1, 7, 4096, 1e8])(
    'out of a pipe gets what only a file has: the places of its data (%i bytes at a time)',
    (step) => {
      const file = join(pg.socketDir, 'a.dump')
      for (const how of ['-Z0', '-Z1']) {
        const piped = dump(how)
        dump(how, `--file=${file}`)
        const filed = readFileSync(file)
        const reading = dataPlaces()
        for (let at = 0; at < piped.length; at += step) reading.add(piped.subarray(at, at + step))
        for (const { at, bytes } of reading.fields()) bytes.copy(piped, at)
        expect(piped.subarray(WITH_ITS_TIME).equals(filed.subarray(WITH_ITS_TIME))).toBe(true)
      }
    },
  )

  test('gives the rows of a table as pg_restore does, also while its file still grows, and none where that stops', async () => {
    const file = join(pg.socketDir, 'grows.dump')
    dump('-Z0', `--file=${file}`)
    const archive = readFileSync(file)
    const { intSize, compression } = await tocInFile(file)
    expect(compression).toBe('none')
    const at = (await dataInFile(file)).find(({ copy }) => copy === ODD_COPY)?.at as number
    const said = execFileSync(join(pg.binDir, 'pg_restore'), ['--section=data', '--table=odd name', '--file=-', file])
    const text = said.toString()
    const rows = text.slice(text.indexOf(ODD_COPY) + ODD_COPY.length, text.indexOf('\\.\n') + 3)
    /** The file has no more than was asked for. */
    const grown = async (end: number) => {
      writeFileSync(file, archive.subarray(0, at))
      const reach = async (beyond: number) => {
        const there = Math.min(end, beyond + 1000)
        writeFileSync(file, archive.subarray(0, there))
        return there
      }
      const contents = blockContents(file, { artifact: 'odd', at, intSize }, reach)
      const pieces = await Array.fromAsync(contents, (piece) => Buffer.from(piece))
      return Buffer.concat(pieces).toString().slice(0, rows.length)
    }
    expect(await grown(archive.length)).toBe(rows)
    await expect(grown(at + 5000)).rejects.toMatchObject({ code: 'ARTIFACT_UNREADABLE' })
  })

  test('tells whether pg_dump compressed it', async () => {
    const file = join(pg.socketDir, 'compressed.dump')
    const told = async (...args: string[]) => {
      dump(...args, `--file=${file}`)
      return (await tocInFile(file)).compression
    }
    expect([await told('-Z0'), await told('-Z3')]).toEqual(['none', 'other'])
    if (major >= 16) expect(await told('--compress=zstd:1')).toBe('zstd')
  })

  test('that is none, or only the beginning of one, has no places beyond what is there', () => {
    const fieldsOf = (bytes: Buffer) => {
      const reading = dataPlaces()
      reading.add(bytes)
      return reading.fields().length
    }
    const archive = dump()
    expect([Buffer.from('no archive at all'), archive.subarray(0, 300)].map(fieldsOf)).toEqual([0, 0])
    expect(fieldsOf(archive.subarray(0, archive.length - 1))).toBeLessThan(fieldsOf(archive))
  })

  test('passes the gate unchanged, and a program that exits 0 after half the data does not', async () => {
    const archive = dump('-Z0')
    const half = { tool: 'pg_dump', program: '/bin/cat', args: [], env: BASE_ENV }
    const run = { signal: new AbortController().signal, log: silentLogger }
    const through = (bytes: Buffer, tables = TABLES) =>
      runPipeline([half, archiveGate()], drain, run, {
        input: (async function* () {
          yield bytes
        })(),
        accept: (receipts) => void acceptArchive(receipts, tables),
      })
    expect((await through(archive)).result).toBe(archive.length)
    for (const end of [0, 20, archive.length >> 1, archive.length - 1]) {
      const err = await through(archive.subarray(0, end)).catch(LifeboatError.from)
      expect(err).toMatchObject({ code: 'ARTIFACT_TRUNCATED', facts: { tool: 'pg_dump', bytes: end } })
    }
    const left = await through(archive, [...TABLES, { schema: 'public', name: 'forgotten' }]).catch(LifeboatError.from)
    expect(left).toMatchObject({ code: 'ARTIFACT_TRUNCATED', facts: { tables: ['public.forgotten'] } })
  })
})
