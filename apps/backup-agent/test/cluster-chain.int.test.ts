import { execFile } from 'node:child_process'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { stopLeftServer } from '@lifeboat/postgres/scratch/left-server.ts'
import { orNotRun } from '@lifeboat/testkit/conditions.ts'
import { installedMajors } from '@lifeboat/testkit/postgres.ts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { HOOKS, type ServedClusterHouse, serveClusterHouse, VISITS } from './cluster-house.ts'

const run = promisify(execFile)
const major = installedMajors()[0] ?? 0
const isAble = orNotRun(major >= 17, 'clusters out of a chain', 'PostgreSQL 17 (`pnpm test:postgres 17`)')

/** As the incremental found them: changed, cut off, and one table less than in the full one. */
const PATIENTS = `select count(*) || ' ' || count(*) filter (where name like '%!') || ' ' || count(to_regclass('"Größe"')) as answer from patient`
const LEFT = '15000 300 0'

describe.runIf(isAble)('a full backup, an incremental and WAL', () => {
  let { house, at, cfg, agent } = {} as ServedClusterHouse
  beforeAll(async () => {
    ;({ house, at, cfg, agent } = await serveClusterHouse({ incremental: true }))
  })
  afterAll(async () => {
    await agent?.[Symbol.asyncDispose]()
    await house?.[Symbol.asyncDispose]()
  })

  // Nobody wrote down what the files of a chain are in the end, so what says that they are whole are the checksums of the pages.
  test('beside they are one whole cluster, and no list of files is left that it does not fit', async () => {
    const { restoreId } = await house.command(cfg)
    const [settled] = await at.settled(restoreId)
    expect(settled?.error).toBeUndefined()
    expect(settled).toMatchObject({ outcome: 'done', cluster: { state: 'paused' } })
    expect([await house.beside(VISITS), await house.beside(PATIENTS)]).toEqual(['1 2', LEFT])
    const promoted = await house.command(cfg, { action: 'promote' })
    expect(await at.settled(promoted.restoreId)).toMatchObject([{ outcome: 'done' }])

    const dataDir = String(settled?.cluster?.dataDirectory)
    await stopLeftServer(dataDir, { mode: 'fast', patienceMs: 60_000 })
    const { stdout } = await run(join(at.house.pg.binDir, 'pg_checksums'), ['--check', '-D', dataDir])
    expect(stdout).toMatch(/Bad checksums: +0\n/)
    const names = await readdir(dataDir, { recursive: true })
    expect(names.filter((name) => /backup_manifest|backup_label$|(^|\/)INCREMENTAL\./.test(name))).toEqual([])
    const released = await house.command(cfg, { action: 'release', place: 'beside' })
    expect(await at.settled(released.restoreId)).toMatchObject([{ outcome: 'done' }])
  })

  test('in place they become the server, which is put back again', async () => {
    const { restoreId } = await house.command(cfg, { place: 'in place', port: undefined, hooks: HOOKS })
    const [settled] = await at.settled(restoreId)
    expect(settled?.error).toBeUndefined()
    expect(settled).toMatchObject({ outcome: 'done', swapped: true })
    const [{ answer }] = await at.house.pg.query('records', PATIENTS)
    expect([await house.visits(), answer]).toEqual(['1 2', LEFT])
    const reverted = await house.command(cfg, { action: 'revert', hooks: HOOKS })
    expect(await at.settled(reverted.restoreId)).toMatchObject([{ outcome: 'done', swapped: true }])
    expect(await house.visits()).toBe('1 2 3 4')
  })
})
