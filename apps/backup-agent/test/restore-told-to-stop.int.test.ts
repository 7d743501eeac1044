import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { until } from '@lifeboat/testkit/eventually.ts'
import { expect, test } from 'vitest'
import { said, spawnAgent } from './agent-process.ts'
import { openRestoreHouse, PATIENTS, type RestoreHouse } from './restore-house.ts'

/** Far more than what does not wait takes. */
const WAITED_FOR_MS = 10_000

interface Service {
  runs(): boolean
  /** What its hooks have come to the end of; a slow one also tells its beginning. */
  ended(): string[]
  /** Hooks that wait come to their end from now on. */
  letGo(): void
  hooks: Record<string, { command: string[]; timeout: string }>
}

/** A service that runs while its file is there; stopping or starting it may take long. */
function serviceIn(at: RestoreHouse): Service {
  const { folder } = at.house
  const [file, log, go] = [join(folder, 'running'), join(folder, 'ended'), join(folder, 'go')]
  writeFileSync(file, '')
  writeFileSync(log, '')
  const hook = (...script: string[]) => ({ command: ['/bin/sh', '-ec', script.join('; ')], timeout: '5m' })
  const stopped = [`rm -f ${file}`, `echo stop >> ${log}`]
  const wait = `until [ -e ${go} ]; do sleep 0.2; done`
  const started = [`touch ${file}`, `echo start >> ${log}`]
  return {
    runs: () => existsSync(file),
    ended: () => readFileSync(log, 'utf8').split('\n').slice(0, -1),
    letGo: () => writeFileSync(go, ''),
    hooks: {
      stop: hook(...stopped),
      start: hook(...started),
      // It is down at once, and the hook waits for something else.
      'stop-and-wait': hook(`rm -f ${file}`, wait, `echo stop >> ${log}`),
      // Its first run has no end.
      'stop-and-hang': hook(
        `[ -e ${log}.hung ] || { touch ${log}.hung; rm -f ${file}; sleep 600; }`,
        `rm -f ${file}`,
        `echo stop >> ${log}`,
      ),
      'wait-and-stop': hook(`echo stopping >> ${log}`, wait, ...stopped),
      'wait-and-start': hook(wait, ...started),
    },
  }
}

async function begun(at: RestoreHouse, { hooks }: Service, change: { hooks: object; drainMs?: number }, phase: string) {
  await at.lose()
  const { house, section, signers, login } = at
  const cfg = at.config()
  const nextLife = () => spawnAgent(house, cfg, { restore: { ...section, hooks }, signers, source: { restore: login } })
  const agent = await nextLife()
  const { restoreId } = await at.command(cfg, change)
  await said(agent, `"phase":"${phase}"`)
  return { agent, restoreId, nextLife }
}

test.concurrent('an agent told to stop while the service is being stopped starts it again and ends in time; its next life obeys', async () => {
  await using at = await openRestoreHouse()
  const service = serviceIn(at)
  const { agent, restoreId, nextLife } = await begun(
    at,
    service,
    { hooks: { stop: 'stop-and-wait', start: 'start' } },
    'stop hook',
  )
  await until(service.runs, (runs) => !runs)
  const { code } = await agent.kill('SIGTERM')
  expect({ code, runs: service.runs(), ended: service.ended() }).toEqual({ code: 0, runs: true, ended: ['start'] })
  expect(await at.patients()).toBe(0)
  service.letGo()
  await using _second = await nextLife()
  expect(await at.settled(restoreId)).toMatchObject([{ outcome: 'done', swapped: true }])
  expect([await at.patients(), service.runs(), service.ended()]).toEqual([PATIENTS, true, ['start', 'stop', 'start']])
}, 600_000)

test.concurrent('an agent told to stop while the service is being started lets that go on by itself; its next life tells the end', async () => {
  await using at = await openRestoreHouse()
  const service = serviceIn(at)
  const { agent, restoreId, nextLife } = await begun(
    at,
    service,
    { hooks: { stop: 'stop', start: 'wait-and-start' } },
    'start hook',
  )
  await agent.kill('SIGTERM')
  expect([agent.running, service.runs(), await at.patients()]).toEqual([false, false, PATIENTS])
  service.letGo()
  await until(service.runs, (runs) => runs)
  await using _second = await nextLife()
  expect(await at.settled(restoreId)).toMatchObject([{ outcome: 'done', swapped: true }])
  expect([await at.patients(), service.runs()]).toEqual([PATIENTS, true])
}, 600_000)

test.concurrent('an agent told to stop while it waits for sessions starts the service again, and its next life obeys', async () => {
  await using at = await openRestoreHouse()
  const service = serviceIn(at)
  const { left } = await at.staying()
  const change = { hooks: { stop: 'stop', start: 'start' }, drainMs: 600_000 }
  const { agent, restoreId, nextLife } = await begun(at, service, change, 'swap')
  expect(service.runs()).toBe(false)
  const { code } = await agent.kill('SIGTERM')
  expect([code, service.runs(), await at.patients()]).toEqual([0, true, 0])
  await left()
  await using _second = await nextLife()
  expect(await at.settled(restoreId)).toMatchObject([{ outcome: 'done', swapped: true }])
  expect([await at.patients(), service.runs()]).toEqual([PATIENTS, true])
}, 600_000)

test.concurrent('an agent told to stop while it waits for what a killed one left stopping the service ends that and starts the service', async () => {
  await using at = await openRestoreHouse()
  const service = serviceIn(at)
  const hooks = { stop: 'stop-and-hang', start: 'start' }
  const { agent, restoreId, nextLife } = await begun(at, service, { hooks }, 'stop hook')
  await until(service.runs, (runs) => !runs)
  await agent.kill('SIGKILL')
  const second = await nextLife()
  await said(second, '"phase":"stop hook of an earlier life"')
  const { code } = await second.kill('SIGTERM')
  expect({ code, runs: service.runs(), ended: service.ended() }).toEqual({ code: 0, runs: true, ended: ['start'] })
  await using _third = await nextLife()
  expect(await at.settled(restoreId)).toMatchObject([{ outcome: 'done', swapped: true }])
  expect([await at.patients(), service.runs(), service.ended()]).toEqual([PATIENTS, true, ['start', 'stop', 'start']])
}, 600_000)

test.concurrent('what a killed agent left stopping the service is waited for before its next life starts it', async () => {
  await using at = await openRestoreHouse()
  const service = serviceIn(at)
  const { agent, restoreId, nextLife } = await begun(
    at,
    service,
    { hooks: { stop: 'wait-and-stop', start: 'start' } },
    'stop hook',
  )
  await until(service.ended, (ended) => ended.length > 0)
  await agent.kill('SIGKILL')
  await at.cancel(restoreId)
  await using second = await nextLife()
  await said(second, '"phase":"stop hook of an earlier life"')
  await sleep(WAITED_FOR_MS)
  expect(service.ended()).toEqual(['stopping'])
  service.letGo()
  expect(await at.settled(restoreId)).toMatchObject([{ outcome: 'cancelled', swapped: false }])
  expect([service.runs(), service.ended(), await at.patients()]).toEqual([true, ['stopping', 'stop', 'start'], 0])
}, 600_000)
