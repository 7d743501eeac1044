import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { generateFhir } from '../src/fhir/generate-fhir.ts'
import { startPostgres, type TestPostgres } from '../src/postgres.ts'

let pg: TestPostgres
beforeAll(async () => {
  pg = await startPostgres()
})
afterAll(() => pg[Symbol.asyncDispose]())

async function generate(database: string, opts: { sizeMb: number; seed?: string; sessions?: number }) {
  await pg.query('postgres', `CREATE DATABASE ${database}`)
  return generateFhir({ connection: { connectionString: pg.url(database) }, ...opts })
}

/** Content of every table, whatever the order of its rows. */
async function contents(database: string): Promise<unknown> {
  const tables = ['patients', 'observations', 'resources', 'validation_settings', 'validation_results']
  const hashes = tables.map((table) => `(SELECT md5(string_agg(t::text, '|' ORDER BY id)) FROM ${table} t) AS ${table}`)
  return (await pg.query(database, `SELECT ${hashes.join(', ')}`))[0]
}

describe('the generated FHIR validation database', () => {
  it('is the same for the same seed, however many sessions loaded it, and another for another seed', async () => {
    const { rows } = await generate('one', { sizeMb: 10, seed: 'a', sessions: 1 })
    await generate('same', { sizeMb: 10, seed: 'a', sessions: 3 })
    await generate('other', { sizeMb: 10, seed: 'b' })
    expect(rows).toBeGreaterThan(2000)
    expect(await contents('same')).toEqual(await contents('one'))
    expect(await contents('other')).not.toEqual(await contents('one'))
  })

  it('has about the size that was asked for', async () => {
    await generate('sized', { sizeMb: 30 })
    const [row] = await pg.query('postgres', "SELECT pg_database_size('sized') / 1024 ^ 2 AS mb")
    expect(row.mb).toBeGreaterThan(27)
    expect(row.mb).toBeLessThan(33)
  })

  it('compresses like real resources, not like repeated rows', async () => {
    await generate('varied', { sizeMb: 12 })
    const [row] = await pg.query('varied', `SELECT string_agg(data::text, E'\\n') AS text FROM resources`)
    expect(row.text.length / gzipSync(row.text).length).toBeLessThan(7)
  })

  it('takes new rows after the generated ones, and its rules hold', async () => {
    await generate('living', { sizeMb: 9 })
    const insert = `INSERT INTO resources (patient_id, resource_type, resource_id, version, data, last_updated)
      SELECT id, 'Patient', gen_random_uuid(), 1, '{}', now() FROM patients LIMIT 1 RETURNING data_bytes`
    expect(await pg.query('living', insert)).toEqual([{ data_bytes: 2 }])
    await expect(pg.query('living', 'UPDATE validation_results SET resource_id = -1')).rejects.toThrow(/foreign key/)
  })
})
