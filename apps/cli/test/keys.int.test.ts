import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { KvCatalog } from '@lifeboat/catalog/kv-catalog.ts'
import { WAL_RECORD_BUCKET } from '@lifeboat/catalog/wal-record.ts'
import { openWithPassphrase } from '@lifeboat/shared/age/passphrase.ts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { backupFacts } from './facts.ts'
import { startFleet, type TestFleet } from './fleet.ts'
import { cli } from './run-cli.ts'

const NOW = Date.now()
let fleet: TestFleet
beforeAll(async () => {
  fleet = await startFleet()
  const catalog = await KvCatalog.open(fleet.bus)
  const keep = async (atMs: number, suffix: string, recipients?: string[]) => {
    const facts = backupFacts(atMs, suffix)
    await catalog.apply({ subject: 'backup.sealed', data: { ...facts.sealed, recipients } })
    await catalog.apply({ subject: 'copy.stored', data: facts.copyStored('aws') })
    return facts.backupId
  }
  await keep(NOW - 3 * 86_400_000, 'oldone', ['age1old'])
  await keep(NOW - 2 * 86_400_000, 'midone', ['age1old', 'age1safe'])
  await keep(NOW - 86_400_000, 'newone', ['age1new', 'age1safe'])
  const records = await fleet.bus.bucket(WAL_RECORD_BUCKET)
  const place = (lsn: string) => ({ lsn, at: '2026-11-01T00:00:00.000Z' })
  await records.put('kept', {
    ...{ sourceId: 'kept', systemIdentifier: '7', since: place('0/1000000'), safe: place('0/3000000'), holes: [] },
    sealedTo: [
      { recipients: ['age1old'], from: '0/1000000', to: '0/2000000' },
      { recipients: ['age1new', 'age1safe'], from: '0/2000000', to: '0/3000000' },
    ],
  } as never)
})
afterAll(() => fleet?.[Symbol.asyncDispose]())

async function check(identities: string, ...args: string[]) {
  const text = await readFile(join(fleet.dir, 'lifeboat.yaml'), 'utf8')
  const encryption = `encryption: { recipients: [age1new, age1safe], identities: { ${identities} } }`
  await writeFile(join(fleet.dir, 'keys.yaml'), text.replace(/^encryption: .*$/m, encryption))
  return cli(fleet.dir, ['key', 'check', '--config', 'keys.yaml', '--json', ...args])
}
const [OLD, NEW, SAFE] = [
  'old: { recipient: age1old }',
  'new: { recipient: age1new }',
  'safe: { recipient: age1safe, escrow: true }',
]
const verdicts = (out: string) => {
  const { backups, wal } = JSON.parse(out)
  return [...backups, ...wal].map(({ verdict }: { verdict: string }) => verdict)
}

test('with every key there all that is kept can be read, and it says by which', async () => {
  const { code, out } = await check(`${OLD}, ${NEW}, ${SAFE}`)
  expect(code).toBe(0)
  expect(verdicts(out)).toEqual(Array(5).fill('readable'))
  expect(JSON.parse(out).backups[0]).toMatchObject({ by: ['new', 'safe'], reason: 'new and safe can open it' })
  expect(JSON.parse(out).identities).toMatchObject([
    { name: 'old', opens: 3, aloneOpens: 2 },
    { name: 'new', opens: 2, aloneOpens: 0 },
    { name: 'safe', opens: 3, aloneOpens: 0 },
  ])
})

test('asked whether a retired key may be destroyed it names what would be lost, and ends with 7', async () => {
  const { code, out } = await check(`${OLD}, ${NEW}, ${SAFE}`, '--without', 'old')
  expect(code).toBe(7)
  expect(verdicts(out)).toEqual(['readable', 'readable', 'unreadable', 'unreadable', 'readable'])
  expect((await check(`${OLD}, ${NEW}, ${SAFE}`, '--without', 'new')).code).toBe(0)
  const shown = await cli(fleet.dir, ['key', 'check', '--config', 'keys.yaml', '--without', 'old'])
  expect(shown.out).toContain('old must not be destroyed yet')
})

test('a key that goes within a month is a warning as long as something needs it', async () => {
  const until = new Date(NOW + 10 * 86_400_000).toISOString()
  const { code, out } = await check(`old: { recipient: age1old, until: "${until}" }, ${NEW}, ${SAFE}`)
  expect(code).toBe(6)
  expect(verdicts(out).filter((verdict) => verdict === 'ending')).toHaveLength(2)
})

test('a key that is gone makes what only it opened unreadable', async () => {
  const { code, out } = await check(`old: { recipient: age1old, until: 2026-01-01 }, ${NEW}, ${SAFE}`)
  expect([code, JSON.parse(out).counts]).toEqual([7, { readable: 3, ending: 0, unreadable: 2, unknown: 0 }])
})

test('where no key is declared nothing is claimed, and a name nobody declared is a mistake', async () => {
  const { code, out } = await check('')
  expect([code, JSON.parse(out).counts.unknown]).toEqual([6, 5])
  expect(await check(`${OLD}, ${NEW}`, '--without', 'odl')).toMatchObject({ code: 2 })
})

describe('an identity for the escrow', () => {
  const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))

  test('is sealed with a passphrase that is typed twice and never shown', async () => {
    const command = `${process.execPath} ${main} key escrow typed`
    const child = spawn('script', ['--quiet', '--return', '--command', command, '/dev/null'], { cwd: fleet.dir })
    let shown = ''
    child.stdout.on('data', (chunk: Buffer) => {
      shown += chunk.toString()
      const asked = /(Passphrase of the new identity|Once more): $/.exec(shown)
      if (asked) child.stdin.write('correct horse battery\r')
    })
    expect(await once(child, 'close')).toEqual([0, null])
    expect(shown).toContain('Written, mode 0600')
    expect(shown).not.toContain('horse')
    const file = join(fleet.dir, 'lifeboat-keys/typed.escrow.age')
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    expect(await openWithPassphrase(await readFile(file, 'utf8'), 'correct horse battery', 'x')).toMatch(
      /AGE-SECRET-KEY-1/,
    )
  })

  test.each([
    ['without a passphrase', 'safe', {}],
    ['with one that is guessed', 'safe', { LIFEBOAT_IDENTITY_PASSPHRASE: 'short' }],
    ['under a name no configuration can hold', 'The Safe', { LIFEBOAT_IDENTITY_PASSPHRASE: 'correct horse battery' }],
  ])('is not made %s', async (_, name, env) => {
    expect(await cli(fleet.dir, ['key', 'escrow', name, '--out', 'none'], env)).toMatchObject({ code: 2 })
    await expect(stat(join(fleet.dir, 'none'))).rejects.toMatchObject({ code: 'ENOENT' })
  })
})

test('what takes the place of a key is made only for one that is in use, and under a name of its own', async () => {
  await check(`${OLD}, ${NEW}, ${SAFE}`)
  const rotate = (...args: string[]) => cli(fleet.dir, ['key', 'rotate', ...args, '--config', 'keys.yaml', '--json'])
  expect(await rotate('old', 'next')).toMatchObject({ code: 2, out: expect.stringContaining('retired already') })
  expect(await rotate('nwe', 'next')).toMatchObject({ code: 2, out: expect.stringContaining('Did you mean new?') })
  expect(await rotate('new', 'safe')).toMatchObject({ code: 2, out: expect.stringContaining('declared already') })
  const { code, out } = await rotate('new', 'next')
  const { recipient, yaml } = JSON.parse(out)
  expect([code, yaml]).toEqual([0, expect.stringContaining(`recipients: [${recipient}, age1safe]`)])
  const text = await readFile(join(fleet.dir, 'keys.yaml'), 'utf8')
  await writeFile(join(fleet.dir, 'next.yaml'), text.replace(/^encryption: .*$/m, yaml))
  expect((await cli(fleet.dir, ['config', 'check', '--config', 'next.yaml'])).code).toBe(0)
})
