import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { moment, type RunId } from '@lifeboat/shared/domain/ids.ts'
import { childEnvironment } from '@lifeboat/testkit/child-environment.ts'
import { eventually } from '@lifeboat/testkit/eventually.ts'
import { expect, it } from 'vitest'
import { alerterWorld, LOGIN } from './alerter-world.ts'
import { aRun } from './builders.ts'

const MAIN = new URL('../src/main.ts', import.meta.url).pathname

it('the alerter process mails from its configuration, asks the dead-man URL only with a scheduler there, and repeats nothing after a kill', async () => {
  await using world = await alerterWorld('26T02:20')
  await using deadMan = await startDeadMan()
  await using folder = await temporaryFolder()
  const config = join(folder.path, 'lifeboat.yaml')
  await writeFile(config, yaml(world.nats.url, world.smtp, deadMan.url))
  const runId = 'daily.records.20260926T020000Z' as RunId
  await world.ledger.expect({ ...aRun('26T02:00', 'expected'), runId })
  const fits = (mail: { subject: string }) =>
    mail.subject === '[lifeboat test] OPEN: No backup of records began (policy daily)'
  await using first = alerter(config)
  const mail = await world.smtp.waitForMail(fits)
  expect(mail).toMatchObject({ secure: true, user: LOGIN.user, recipients: ['ops@example.com'] })
  expect(deadMan.asked).toBe(0)
  // What is killed before it has written down that the mail is out sends it again.
  const { deps } = await world.alerter()
  await eventually(async () => {
    const notices = await Array.fromAsync(deps.outbox.entries())
    expect(notices.find(({ value }) => fits(value))?.value.state).toBe('sent')
  })
  await first.kill()

  const now = moment(Date.now())
  const scheduler = { service: 'scheduler', id: 'scheduler', instance: 'a1', startedAt: now, at: now, version: '0' }
  await deps.presence.put('scheduler.scheduler.a1', scheduler)
  await using second = alerter(config)
  await eventually(() => expect(deadMan.asked).toBeGreaterThan(0))
  await pause(500)
  expect(second.running).toBe(true)
  expect(world.smtp.inbox.filter(fits)).toHaveLength(1)
})

it('an alerter without anybody to tell does not start and says why', async () => {
  await using folder = await temporaryFolder()
  const config = join(folder.path, 'lifeboat.yaml')
  await writeFile(
    config,
    yaml('nats://127.0.0.1:1', { port: 1, caFile: '/none' }, 'http://x').split('alerting:')[0] ?? '',
  )
  await using child = alerter(config, 'pipe')
  const { code, said } = await child.end()
  expect(code).toBe(2)
  expect(said).toContain('alerting: is missing')
})

function alerter(config: string, stdout: 'ignore' | 'pipe' = 'ignore') {
  const env = childEnvironment({ LIFEBOAT_CONFIG: config, MAIL_PASSWORD: LOGIN.pass })
  const child: ChildProcess = spawn(process.execPath, [MAIN], { env, stdio: ['ignore', stdout, 'inherit'] })
  let said = ''
  child.stdout?.on('data', (chunk: Buffer) => {
    said += chunk.toString()
  })
  const gone = once(child, 'close')
  const end = async (signal: NodeJS.Signals) => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal)
    await gone
  }
  return {
    get running() {
      return child.exitCode === null && child.signalCode === null
    },
    kill: () => end('SIGKILL'),
    async end() {
      await gone
      return { code: child.exitCode, said }
    },
    async [Symbol.asyncDispose]() {
      await Promise.race([end('SIGTERM'), pause(15_000, undefined, { ref: false })])
      await end('SIGKILL')
    },
  }
}

async function startDeadMan() {
  let asked = 0
  const server = createServer((_request, response) => {
    asked += 1
    response.end('ok')
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  return {
    url: `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/ping`,
    get asked() {
      return asked
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

async function temporaryFolder() {
  const path = await mkdtemp(join(tmpdir(), 'lifeboat-alerter-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

const yaml = (nats: string, smtp: { port: number; caFile: string }, deadMan: string) => `
version: 1
fleet: test
bus: { servers: ['${nats}'] }
encryption: { recipients: [age1n0gsw8ryagwmp8yhs76xk3qm2y62anjxn6jfupr2ef06gv62xc7sw6veu0] }
targets:
  disk: { kind: filesystem, path: /tmp }
sources:
  records: { agent: db1, database: records, user: lifeboat }
policies:
  daily:
    sources: [records]
    kind: dump
    schedule: { cron: '0 2 * * *' }
    targets: [disk]
alerting:
  email:
    host: 127.0.0.1
    port: ${smtp.port}
    ca: ${smtp.caFile}
    user: lifeboat
    password: env:MAIL_PASSWORD
    from: lifeboat@example.com
    to: [ops@example.com]
  deadMan: ${deadMan}
`
