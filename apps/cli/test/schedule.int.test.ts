import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { configText } from './fleet.ts'
import { cli } from './run-cli.ts'

let dir = ''
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'lifeboat-cli-schedule-'))
  // Port 1: nobody listens there, and nobody is asked.
  const text = configText('nats://127.0.0.1:1', dir)
    .replace(/^ {2}aws: .*$/m, `  aws: { kind: filesystem, path: "${dir}/aws", removal: { allowed: true } }`)
    .replace('copies: { required: 1 } }', 'copies: { required: 1 }, keep: { last: 3 } }')
  await writeFile(join(dir, 'lifeboat.yaml'), text)
})
afterAll(() => rm(dir, { recursive: true }))

test('the next runs are listed, the soonest first, for people and with --json', async () => {
  const { code, out } = await cli(dir, ['schedule', '--limit', '30'])
  expect(code).toBe(0)
  const [head = '', ...lines] = out.trimEnd().split('\n')
  expect(head).toMatch(/^when +local time +zone +policy +source +kind/)
  expect(lines).toHaveLength(30)
  expect(lines.join('\n')).toMatch(/^\S+ \S+Z, in .+ UTC +daily +records +dump$/m)
  const all = JSON.parse((await cli(dir, ['schedule', '--limit', '30', '--json'])).out).runs
  const moments = all.map(({ at }: { at: string }) => at)
  expect(moments).toEqual(moments.toSorted())
  expect(all.map(({ policyId }: { policyId: string }) => policyId)).toEqual(expect.arrayContaining(['daily', 'hourly']))
  const { runs } = JSON.parse((await cli(dir, ['schedule', 'daily', '--limit', '2', '--json'])).out)
  expect(runs).toMatchObject([
    { policyId: 'daily', sourceId: 'records', kind: 'dump', at: expect.stringMatching(/T02:00:00\.000Z$/) },
    { policyId: 'daily' },
  ])
  expect(Date.parse(runs[1].at) - Date.parse(runs[0].at)).toBe(86_400_000)
})

test('the calendar played through says what is kept: everything, where nothing may be removed', async () => {
  const { code, out } = await cli(dir, ['schedule', 'daily', '--simulate', '10d'])
  expect(code).toBe(0)
  expect(out).toMatch(/daily +records +dump +0 2 \* \* \* UTC +10 .*aws 3 since \S+, gcp 10 since/)
  const { runs, plans } = JSON.parse((await cli(dir, ['schedule', 'records', '--simulate', '10d', '--json'])).out)
  expect(runs).toBe(10)
  expect(plans).toMatchObject([{ runs: 10, kept: { aws: { backups: 3 }, gcp: { backups: 10 } } }])
})

test('a name nobody knows, and numbers that are none, are refused', async () => {
  expect(await cli(dir, ['schedule', 'dialy'])).toMatchObject({
    ...{ code: 5, err: expect.stringContaining('Did you mean daily?') },
  })
  for (const args of [
    ['--simulate', 'soon'],
    ['--limit', '0'],
    ['--limit', '1001'],
    ['--limit', '1.5'],
  ])
    expect((await cli(dir, ['schedule', ...args])).code, args.join(' ')).toBe(2)
})
