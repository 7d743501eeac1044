import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { openSigner, verifySigned } from '@lifeboat/shared/signing/signing.ts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { configText, KEY } from './fleet.ts'
import { cli } from './run-cli.ts'

const run = promisify(execFile)
let dir = ''
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'lifeboat-cli-local-'))
  // Port 1: nobody listens there.
  await writeFile(join(dir, 'lifeboat.yaml'), configText('nats://127.0.0.1:1', dir))
})
afterAll(() => rm(dir, { recursive: true }))

describe('config check', () => {
  test('a valid file ends with 0 and still shows warnings', async () => {
    const { code, out } = await cli(dir, ['config', 'check'])
    expect(code).toBe(0)
    expect(out).toMatch(/^warning .*lifeboat\.yaml:2:1 alerting: no alerting is configured/)
    expect(out).toContain('lifeboat.yaml is valid, ')
  })

  test('a bad file ends with 3 and every problem, each with its line', async () => {
    const path = join(dir, 'bad.yaml')
    await writeFile(
      path,
      configText('nats://127.0.0.1:1', dir)
        .replace('cron: "0 2 * * *"', 'cron: "0 25 * * *"')
        .replace('agent: db1', 'agent: db9')
        .replace('kind: dump', 'kind: dmp'),
    )
    const { code, out } = await cli(dir, ['config', 'check', '--config', path, '--json'])
    expect(code).toBe(3)
    const { valid, problems } = JSON.parse(out)
    const errors = problems.filter((problem: { severity: string }) => problem.severity === 'error')
    expect(valid).toBe(false)
    expect(errors.map((problem: { path: string; line: number }) => `${problem.line} ${problem.path}`)).toEqual([
      '14 sources.records.agent',
      '18 policies.daily.kind',
      '18 policies.daily.schedule.cron',
    ])
  })

  test('LIFEBOAT_CONFIG names the file when --config does not', async () => {
    expect(await cli('/', ['config', 'check'], { LIFEBOAT_CONFIG: join(dir, 'lifeboat.yaml') })).toMatchObject({
      code: 0,
    })
    expect(await cli('/', ['config', 'check'], { LIFEBOAT_CONFIG: '/nowhere.yaml' })).toMatchObject({
      code: 3,
      err: expect.stringContaining('CONFIG_UNREADABLE'),
    })
  })
})

describe('target lifecycle', () => {
  test('the document is printed with how to apply it and what that replaces, and with --json alone', async () => {
    const path = join(dir, 'moving.yaml')
    const moving = '{ kind: s3, bucket: acme-backups, transition: { class: STANDARD_IA, days: { dump: 30 } } }'
    await writeFile(path, configText('nats://127.0.0.1:1', dir).replace(/^ {2}aws: .*$/m, `  aws: ${moving}`))
    const { code, out } = await cli(dir, ['target', 'lifecycle', 'aws', '--config', path])
    expect(code).toBe(0)
    expect(out).toContain('"Value": "dump"')
    expect(out).toContain('  aws s3api put-bucket-lifecycle-configuration --bucket acme-backups ')
    expect(out).toContain('This replaces all lifecycle rules of the bucket acme-backups')
    const json = await cli(dir, ['target', 'lifecycle', 'aws', '--config', path, '--json'])
    expect(JSON.parse(json.out)).toMatchObject({ Rules: [{ ID: 'lifeboat-aws-dump' }] })
  })

  test('a target that moves nothing has none, and one nobody knows is told', async () => {
    const none = await cli(dir, ['target', 'lifecycle', 'gcp'])
    expect(none).toMatchObject({ code: 7, err: expect.stringContaining('TARGET_MOVES_NOTHING') })
    const unknown = await cli(dir, ['target', 'lifecycle', 'nowhere'])
    expect(unknown).toMatchObject({ code: 5, err: expect.stringContaining('TARGET_UNKNOWN') })
  })
})

describe('key new', () => {
  test('the keys it makes encrypt, decrypt, sign and verify, and only we may read them', async () => {
    const { code, out } = await cli(dir, ['key', 'new', '--out', 'keys', '--signer', 'db1', 'verifier', '--json'])
    expect(code).toBe(0)
    const { recipient, signers, files, yaml } = JSON.parse(out)
    for (const file of files) expect((await stat(file)).mode & 0o777).toBe(0o600)
    await writeFile(join(dir, 'plain'), 'a secret of state')
    await run('age', ['-r', recipient, '-o', join(dir, 'sealed'), join(dir, 'plain')])
    const { stdout } = await run('age', ['-d', '-i', files[0], join(dir, 'sealed')])
    expect(stdout).toBe('a secret of state')
    const [{ name, publicKey, file }] = signers
    const signer = await openSigner(name, await readFile(file, 'utf8'))
    const signed = await signer.sign('lifeboat-manifest', { a: 1 })
    expect(await verifySigned(signed, 'lifeboat-manifest', { [name]: publicKey })).toEqual({
      signer: 'db1',
      document: { a: 1 },
    })
    expect(yaml).toContain(`  recipients: [${recipient}]`)
    expect(yaml).toContain(`  db1: ${publicKey}`)
  })

  test('the lines it prints fit into lifeboat.yaml', async () => {
    const { out } = await cli(dir, ['key', 'new', '--out', 'keys2', '--signer', 'db1', 'verifier', '--json'])
    const { recipient, signers } = JSON.parse(out)
    const text = configText('nats://127.0.0.1:1', dir)
      .replace('age1abc', recipient)
      .replaceAll(KEY, signers[0].publicKey)
    await writeFile(join(dir, 'with-keys.yaml'), text)
    expect((await cli(dir, ['config', 'check', '--config', 'with-keys.yaml'])).code).toBe(0)
  })

  test('a key that is there is never overwritten', async () => {
    await cli(dir, ['key', 'new', '--out', 'keys3'])
    const before = await readFile(join(dir, 'keys3/age-identity.txt'), 'utf8')
    expect(await cli(dir, ['key', 'new', '--out', 'keys3'])).toMatchObject({
      code: 2,
      err: expect.stringContaining('exists already'),
    })
    expect(await readFile(join(dir, 'keys3/age-identity.txt'), 'utf8')).toBe(before)
  })

  test('without age-keygen it says which package brings it', async () => {
    expect(await cli(dir, ['key', 'new', '--out', 'keys4'], { PATH: '/nowhere' })).toMatchObject({
      code: 7,
      err: expect.stringMatching(/TOOL_MISSING[\s\S]*package: age/),
    })
  })
})

describe('source check', () => {
  test('a database nobody reaches ends with 4', async () => {
    const { code, out } = await cli(dir, ['source', 'check', 'records', '--json'])
    expect(code).toBe(4)
    expect(JSON.parse(out)).toMatchObject({ complete: false, findings: [{ check: 'connection', state: 'lacking' }] })
  })

  test('an unknown source ends with 5 and the nearest name', async () => {
    expect(await cli(dir, ['source', 'check', 'recrods'])).toMatchObject({
      code: 5,
      err: expect.stringContaining('Did you mean records?'),
    })
  })
})

describe('the command line', () => {
  test('what it cannot understand ends with 2', async () => {
    for (const args of [
      ['bakcup'],
      ['backup', 'now'],
      ['backup', 'now', 'a', '--wait', 'forever'],
      ['status', '--colour'],
    ])
      expect((await cli(dir, args)).code, args.join(' ')).toBe(2)
    expect((await cli(dir, ['stauts'])).err).toContain('Did you mean status?')
  })

  test('without NATS a command ends with 4 after a few tries and says where it looked', async () => {
    let tries = 0
    const nobody = createServer((client) => {
      tries += 1
      client.destroy()
    }).listen(0, '127.0.0.1')
    await once(nobody, 'listening')
    const url = `nats://127.0.0.1:${(nobody.address() as AddressInfo).port}`
    await writeFile(join(dir, 'nobody.yaml'), configText(url, dir))
    const { code, out } = await cli(dir, ['status', '--config', 'nobody.yaml', '--json']).finally(() => nobody.close())
    expect([code, JSON.parse(out)]).toMatchObject([4, { error: { code: 'BUS_UNREACHABLE', facts: { servers: url } } }])
    // One each half second, for three of them.
    expect(tries).toBeGreaterThan(0)
    expect(tries).toBeLessThan(10)
  })

  test('a missing secret of the bus ends with 3', async () => {
    await writeFile(
      join(dir, 'secret.yaml'),
      configText('nats://127.0.0.1:1', dir).replace('] }', '], user: me, password: env:NOT_SET }'),
    )
    expect(await cli(dir, ['status', '--config', 'secret.yaml'])).toMatchObject({
      code: 3,
      err: expect.stringMatching(/CONFIG_SECRET_MISSING[\s\S]*env:NOT_SET/),
    })
  })

  test('a fault in a section a command does not need does not stop it', async () => {
    await writeFile(
      join(dir, 'half.yaml'),
      configText('nats://127.0.0.1:1', dir).replace('version: 1', 'version: 1\nalerting: nonsense'),
    )
    expect((await cli(dir, ['source', 'check', 'records', '--config', 'half.yaml'])).code).toBe(4)
  })
})
