import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { SourceFinding } from '@lifeboat/postgres/source-finding.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { configText } from './fleet.ts'
import { cli } from './run-cli.ts'

let dir = ''
let root = ''
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'lifeboat-cli-files-'))
  root = join(dir, 'tree')
  await mkdir(join(root, 'cache/deep'), { recursive: true })
  await mkdir(join(root, 'node_modules/tls'), { recursive: true })
  for (const name of ['app.js', 'cache/deep/.env', 'node_modules/tls/server.key', 'large.bin', 'node_modules/huge.bin'])
    await writeFile(join(root, name), name.endsWith('.bin') ? Buffer.alloc(2_000) : 'x')
})
afterAll(() => rm(dir, { recursive: true }))

async function check(settings: string): Promise<{ code: number | null; complete: boolean; findings: SourceFinding[] }> {
  const agent = /agent: (\w+)/.exec(configText('nats://127.0.0.1:1', dir))?.[1]
  const source = `sources:\n  code: { kind: files, agent: ${agent}, root: ${root}, ${settings} }\n`
  await writeFile(join(dir, 'lifeboat.yaml'), configText('nats://127.0.0.1:1', dir).replace('sources:\n', source))
  const { code, out } = await cli(dir, ['source', 'check', 'code', '--json'])
  return { code, ...JSON.parse(out) }
}

const messages = ({ findings }: { findings: SourceFinding[] }, of: SourceFinding['check']) =>
  findings.filter(({ check }) => check === of).map(({ message }) => message)

test('secrets in plain sight and files that are too large are named', async () => {
  const found = await check('maxFileBytes: 1kB')
  expect(found).toMatchObject({ code: 0, complete: true })
  expect(messages(found, 'secrets')).toEqual([
    '2 look like secrets and can be read by others: ./cache/deep/.env, ./node_modules/tls/server.key',
  ])
  expect(messages(found, 'files').join()).toMatch(/2 are larger than .* (\.\/large\.bin|huge\.bin)/)
})

test('what is excluded is neither looked at nor counted', async () => {
  const found = await check('maxFileBytes: 1kB, exclude: [node_modules, "cache/*"]')
  expect(messages(found, 'secrets')).toEqual([])
  expect(messages(found, 'files')[0]).toContain('all 3 files and folders')
  expect(messages(found, 'files')[1]).toMatch(/1 are larger than .*: \.\/large\.bin/)
})

test('a secret that only its owner may read is counted and no reason to worry', async () => {
  for (const name of ['cache/deep/.env', 'node_modules/tls/server.key']) await chmod(join(root, name), 0o600)
  const { findings } = await check('')
  expect(findings.find(({ check }) => check === 'secrets')).toMatchObject({
    state: 'fine',
    message: '2 look like secrets; only their owners may read them',
  })
})
