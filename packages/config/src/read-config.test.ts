import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { SecretRef } from '@lifeboat/shared/config/secret-ref.ts'
import type { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findConfigFile } from './config-path.ts'
import { checkConfigFile, checkConfigText, readConfigFile, readServiceConfig } from './read-config.ts'
import { resolveSecret } from './resolve-secret.ts'
import { SERVICE_SECTIONS } from './sections.ts'

const EXAMPLE = fileURLToPath(new URL('../../../docs/examples/records-fhir.lifeboat.yaml', import.meta.url))
const VALID = `
version: 1
fleet: records
bus: { servers: ["nats://n:4222"], user: me, password: env:BUS }
encryption: { recipients: [age1abc] }
signers: { db1: AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA, verifier: AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA }
agents:
  db1: { url: "http://db1:7461", token: env:TOKEN, signingKey: "file:db1.key", spool: { path: /spool } }
targets:
  aws: { kind: s3, bucket: abc, accessKeyId: env:AWS_ID, secretAccessKey: env:AWS_KEY }
sources:
  records: { agent: db1, database: records, user: backup, password: env:DB }
policies:
  daily: { sources: [records], kind: dump, schedule: { cron: "0 2 * * *" }, targets: [aws] }
verifier: { identity: env:ID, signingKey: env:VK }
alerting: { email: { host: mail, from: a@b.c, to: [d@e.f] } }
`

let dir = ''
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'lifeboat-config-'))
  await writeFile(join(dir, 'lifeboat.yaml'), VALID)
  await writeFile(join(dir, 'db1.key'), 'the key\n', { mode: 0o600 })
})
afterAll(() => rm(dir, { recursive: true }))

describe('a service and its part of the file', () => {
  const read = (service: 'backup-agent' | 'uploader' | 'verifier' | 'scheduler', env: Record<string, string>) =>
    readServiceConfig(service, { env, cwd: dir })

  test('a database host starts without cloud credentials and without a decryption key', async () => {
    const { config, agentId, secret } = await read('backup-agent', { BUS: 'b', TOKEN: 't', DB: 'd' })
    expect(agentId).toBe('db1')
    expect(config).not.toHaveProperty('targets')
    expect(config).not.toHaveProperty('verifier')
    expect(secret(config.agents[agentId as never]?.signingKey as SecretRef).reveal()).toBe('the key')
  })

  test('every missing secret is listed at once, with the line of its reference', async () => {
    const err: LifeboatError = await read('uploader', { BUS: 'b' }).catch((thrown) => thrown)
    expect(err.code).toBe('CONFIG_SECRET_MISSING')
    const problems = err.facts.problems as string[]
    expect(problems).toHaveLength(3)
    expect(problems[0]).toContain('lifeboat.yaml:8:41 agents.db1.token: CONFIG_SECRET_MISSING: env:TOKEN')
    expect(problems.join()).toMatch(/env:AWS_ID.*env:AWS_KEY/)
  })

  test('a broken section of another service does not keep this one from starting', async () => {
    const path = join(dir, 'half.yaml')
    await writeFile(path, VALID.replace('kind: s3', 'kind: s4').replace('host: mail', 'hots: mail'))
    await expect(readServiceConfig('scheduler', { path, env: { BUS: 'b' }, cwd: dir })).rejects.toThrow(
      'CONFIG_INVALID',
    )
    const { config } = await readServiceConfig('backup-agent', {
      path,
      env: { BUS: 'b', TOKEN: 't', DB: 'd' },
      cwd: dir,
    })
    expect(config.fleet).toBe('records')
  })

  test('one of several agents must be told which one it is', async () => {
    const path = join(dir, 'two.yaml')
    await writeFile(
      path,
      VALID.replace(
        'agents:\n',
        'agents:\n  db2: { url: "http://db2:1", token: env:TOKEN, signingKey: env:K, spool: { path: /s } }\n',
      ).replace('signers: { ', `signers: { db2: ${'A'.repeat(43)}, `),
    )
    const env = { BUS: 'b', TOKEN: 't', DB: 'd' }
    const agentOf = async (more: object) =>
      (await readServiceConfig('backup-agent', { path, env: { ...env, ...more }, cwd: dir })).agentId
    await expect(agentOf({})).rejects.toThrow('Set LIFEBOAT_AGENT to its name')
    await expect(agentOf({ LIFEBOAT_AGENT: 'bd1' })).rejects.toThrow('no agent is called bd1. Did you mean db1?')
    expect(await agentOf({ LIFEBOAT_AGENT: 'db1' })).toBe('db1')
  })

  test('a verifier without a verifier section does not start', async () => {
    const path = join(dir, 'none.yaml')
    await writeFile(path, VALID.replace(/^verifier:.*$/m, ''))
    await expect(readServiceConfig('verifier', { path, env: {}, cwd: dir })).rejects.toThrow(
      'A verifier needs identity',
    )
  })
})

describe('secrets', () => {
  const places = (env: Record<string, string>) => ({ env, baseDir: dir })

  test('one newline at the end of a secret is not part of it, a second one is', async () => {
    await writeFile(join(dir, 'two-lines'), 'a\n\n', { mode: 0o600 })
    expect(resolveSecret('env:A' as SecretRef, places({ A: 'x\n' })).reveal()).toBe('x')
    expect(resolveSecret('file:two-lines' as SecretRef, places({})).reveal()).toBe('a\n')
  })

  test('a secret file that everybody may read is used, with a warning', async () => {
    const warnings: unknown[] = []
    await chmod(join(dir, 'db1.key'), 0o644)
    const secret = resolveSecret('file:db1.key' as SecretRef, {
      ...places({}),
      warn: (warning) => warnings.push(warning),
    })
    await chmod(join(dir, 'db1.key'), 0o600)
    expect(secret.reveal()).toBe('the key')
    expect(warnings).toEqual([
      { message: `every user of this machine may read ${dir}/db1.key`, hint: `Run: chmod 0600 ${dir}/db1.key` },
    ])
  })

  test('an empty secret is a missing one', () => {
    expect(() => resolveSecret('env:A' as SecretRef, places({ A: '' }))).toThrow('CONFIG_SECRET_MISSING')
  })
})

test('the example of the runbook platform is valid, and keeps the runbook’s tightest promise by its WAL', async () => {
  const { config, problems } = await checkConfigFile(EXAMPLE)
  expect(problems).toEqual([])
  const yaml = await readFile(EXAMPLE, 'utf8')
  const dumpsOnly = yaml.replace(/^wal:\n(?: .*\n|\n)+/m, '')
  const without = checkConfigText(dumpsOnly, EXAMPLE, SERVICE_SECTIONS.cli)
  expect(without.problems.map(({ severity, path }) => `${severity} ${path}`)).toEqual([
    'warning policies.changes.drill.recoverTo',
    'warning objectives.records.rpo',
  ])
  const neverRemoved = yaml.replaceAll(/^ {4}removal:.*\n(?: {6}.*\n)*/gm, '')
  const stays = checkConfigText(neverRemoved, EXAMPLE, SERVICE_SECTIONS.cli).problems
  expect(stays.map(({ severity, path, message }) => `${severity} ${path} ${message.replace(/^.*\(/, '(')}`)).toEqual([
    'warning targets.aws (daily, validation, validation-often, changes, code, config, logs, weekly, WAL of records)',
    'warning targets.vault (monthly)',
    'warning targets.gcp (daily, validation, validation-often, changes, code, config, logs, weekly, monthly, WAL of records)',
    'warning targets.azure (daily, validation, validation-often, changes, code, config, weekly, WAL of records)',
  ])
  expect(Object.keys(config?.targets ?? {})).toEqual(['aws', 'vault', 'gcp', 'azure'])
  expect(config?.objectives).toEqual({
    records: { rpo: 900_000, rto: 7_200_000 },
    'app-code': { rpo: 86_400_000, rto: 3_600_000 },
    'app-config': { rpo: 3_600_000, rto: 3_600_000 },
  })
  expect(config?.alerting?.email.to).toEqual(['admin@records-fhir-platform.com'])
})

test('the file is looked for at --config, LIFEBOAT_CONFIG, here, and in /etc', () => {
  expect(findConfigFile({ given: 'a.yaml', env: { LIFEBOAT_CONFIG: '/b.yaml' }, cwd: '/x' })).toBe('/x/a.yaml')
  expect(findConfigFile({ env: { LIFEBOAT_CONFIG: '/b.yaml' }, cwd: '/x' })).toBe('/b.yaml')
  expect(findConfigFile({ env: {}, cwd: dir })).toBe(join(dir, 'lifeboat.yaml'))
  expect(findConfigFile({ env: {}, cwd: '/nowhere' })).toBe('/etc/lifeboat/lifeboat.yaml')
})

test('a file that is not there is unreadable, not empty', async () => {
  await expect(readConfigFile(join(dir, 'absent.yaml'))).rejects.toThrow('CONFIG_UNREADABLE')
})
