import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { Client } from 'pg'
import { expect, test, vi } from 'vitest'
import { startPostgres } from '../src/postgres.ts'

test('a server answers by password over TCP, survives a restart and leaves nothing behind', async () => {
  let folder = ''
  {
    await using pg = await startPostgres({ settings: { work_mem: '7MB' }, roles: { 'odd role': 'LOGIN' } })
    folder = pg.socketDir
    await pg.query('postgres', 'CREATE TABLE kept (id int); INSERT INTO kept VALUES (7)')
    await pg.restart('immediate')
    const client = new Client({ connectionString: pg.url('postgres') })
    await client.connect()
    const { rows } = await client.query("SELECT id, current_setting('work_mem') AS mem FROM kept")
    await client.end()
    expect(rows).toEqual([{ id: 7, mem: '7MB' }])
    expect(await pg.query('postgres', "SELECT 1 FROM pg_roles WHERE rolname = 'odd role'")).toHaveLength(1)
  }
  expect(existsSync(folder)).toBe(false)
})

test('a server dies with the process that started it', async () => {
  const script = `import { startPostgres } from ${JSON.stringify(new URL('../src/postgres.ts', import.meta.url).href)}
    const pg = await startPostgres(); console.log(pg.socketDir); setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  const folder = line.toString().trim()
  expect(existsSync(folder)).toBe(true)
  child.kill('SIGKILL')
  await vi.waitFor(() => expect(existsSync(folder)).toBe(false), { timeout: 90_000 })
})
