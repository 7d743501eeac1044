import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { childEnvironment } from '@lifeboat/testkit/child-environment.ts'
import { type NatsServer, startNats } from '@lifeboat/testkit/nats.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Bus } from '../src/bus/bus.ts'
import { DrillRequested } from '../src/bus/messages/drill.ts'
import { connectBus } from '../src/bus/nats-bus.ts'
import { silentLogger } from '../src/log/logger.ts'
import { PRESENCE_BUCKET } from '../src/service/presence.ts'

const TOY = fileURLToPath(new URL('fixtures/toy-service.ts', import.meta.url))
let nats: NatsServer
let bus: Bus
let drills = 0

beforeAll(async () => {
  nats = await startNats()
  bus = await connectBus({ servers: [nats.url], name: 'test', log: silentLogger })
})
afterAll(async () => {
  await bus[Symbol.asyncDispose]()
  await nats[Symbol.asyncDispose]()
})

class Toy {
  output = ''
  readonly child: ChildProcess
  readonly exit: Promise<unknown[]>
  constructor(env: Record<string, string>) {
    this.child = spawn(process.execPath, [TOY], {
      env: childEnvironment({ TOY_NATS: nats.url, ...env }),
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    this.child.stdout?.on('data', (chunk: Buffer) => {
      this.output += chunk.toString()
    })
    // Behind its last word.
    this.exit = once(this.child, 'close')
  }
  async says(text: string): Promise<void> {
    await expect.poll(() => this.output).toContain(text)
  }
  async ends(): Promise<unknown> {
    const [code, signal] = await this.exit
    return code ?? signal
  }
}

function wishDrill(): Promise<unknown> {
  drills += 1
  return bus.publish(
    DrillRequested,
    DrillRequested.schema.parse({
      runId: `drill.toy.${drills}`,
      backupId: '20260926T020000Z-dump-k3f9qa',
      sourceId: 'records',
      policyId: 'daily',
      kind: 'dump',
      targetId: 'aws',
      requestedBy: 'operator',
      requestedAt: '2026-09-26T02:00:00.000Z',
    }),
  )
}

test('all problems of a configuration are told together and the service exits 2', async () => {
  const toy = new Toy({ TOY_PROBLEMS: 'lifeboat.yaml:3:1 no bus.;lifeboat.yaml:9:1 no targets.' })
  expect(await toy.ends()).toBe(2)
  expect(toy.output).toContain('lifeboat.yaml:3:1 no bus.')
  expect(toy.output).toContain('lifeboat.yaml:9:1 no targets.')
  expect(toy.output).toContain('"problems":2')
})

test('what was opened is closed in reverse order when opening fails half-way, and the service exits 1', async () => {
  const toy = new Toy({ TOY_FAIL: 'open' })
  expect(await toy.ends()).toBe(1)
  expect(toy.output).toContain('TOOL_MISSING')
  expect(toy.output.indexOf('closed last')).toBeGreaterThan(-1)
  expect(toy.output.indexOf('closed first')).toBeGreaterThan(toy.output.indexOf('closed last'))
})

test('a service whose start fails exits 1', async () => {
  const toy = new Toy({ TOY_FAIL: 'start' })
  expect(await toy.ends()).toBe(1)
  expect(toy.output).toContain('no start')
  expect(toy.output).toContain('closed first')
})

test('stopping lets work in progress finish within the grace and takes no more', async () => {
  const toy = new Toy({ TOY_WORK: 'until told', TOY_GRACE_MS: '120000' })
  await wishDrill()
  await toy.says('began attempt 1')
  await wishDrill()
  toy.child.kill('SIGTERM')
  await toy.says('told to stop')
  toy.child.kill('SIGUSR2')
  expect(await toy.ends()).toBe(0)
  expect(toy.output.match(/began/g)).toHaveLength(1)
  expect(toy.output).toContain('finished')
  expect(toy.output.indexOf('closed last')).toBeGreaterThan(toy.output.indexOf('finished'))
  const other = new Toy({})
  await other.says('began attempt 1\nfinished')
  other.child.kill('SIGTERM')
  expect(await other.ends()).toBe(0)
})

test('a second signal ends work at once and another instance takes it up at once', async () => {
  const toy = new Toy({ TOY_WORK_MS: '60000', TOY_GRACE_MS: '60000' })
  await wishDrill()
  await toy.says('began attempt 1')
  toy.child.kill('SIGTERM')
  toy.child.kill('SIGINT')
  expect(await toy.ends()).toBe(0)
  const other = new Toy({})
  await other.says('began attempt 2\nfinished')
  other.child.kill('SIGTERM')
  expect(await other.ends()).toBe(0)
})

test('the end of the grace ends work as a second signal does', async () => {
  const toy = new Toy({ TOY_WORK_MS: '60000', TOY_GRACE_MS: '100' })
  await wishDrill()
  await toy.says('began attempt 1')
  toy.child.kill('SIGTERM')
  expect(await toy.ends()).toBe(0)
  const other = new Toy({})
  await other.says('began attempt 2\nfinished')
  other.child.kill('SIGTERM')
  await other.ends()
})

test('health says alive, ready and measured, and the presence is written while the service runs and gone after', async () => {
  const toy = new Toy({ TOY_HEALTH: '127.0.0.1:0' })
  await toy.says('service.started')
  const port = /"health":(\d+)/.exec(toy.output)?.[1]
  const get = async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`)
    return { status: response.status, text: await response.text() }
  }
  expect(await get('/healthz')).toEqual({ status: 200, text: 'ok\n' })
  expect(await get('/readyz')).toEqual({ status: 200, text: 'ready\n' })
  expect((await get('/metrics')).text).toContain('process_resident_memory_bytes{service="verifier"}')
  expect((await get('/x')).status).toBe(404)
  const presences = async () => Array.fromAsync((await bus.bucket(PRESENCE_BUCKET)).entries('verifier.toy.*'))
  expect((await presences()).map(({ value }) => value)).toMatchObject([
    { service: 'verifier', id: 'toy', version: '0.1.0' },
  ])
  toy.child.kill('SIGTERM')
  expect(await toy.ends()).toBe(0)
  expect(await presences()).toEqual([])
})

test('a stop while the service still waits for NATS ends it at once', async () => {
  const toy = new Toy({ TOY_NATS: 'nats://127.0.0.1:1', LIFEBOAT_LOG_LEVEL: 'debug' })
  await toy.says('waiting for a NATS server')
  toy.child.kill('SIGTERM')
  expect(await toy.ends()).toBe(0)
})

test.each([
  ['a server that is gone', 'SIGKILL' as const],
  ['a server that is there and says nothing', 'SIGSTOP' as const],
])('a stop does not wait for %s', async (_, signal) => {
  await using own = await startNats()
  const toy = new Toy({ TOY_NATS: own.url, TOY_END_MS: '60000' })
  await toy.says('service.started')
  if (signal === 'SIGKILL') await own.stop()
  else process.kill(own.pid, signal)
  toy.child.kill('SIGTERM')
  expect(await toy.ends()).toBe(0)
  expect(toy.output).not.toContain('service.hung')
  if (signal === 'SIGSTOP') process.kill(own.pid, 'SIGCONT')
})

test.each([
  ['closing', '"waitingFor":"the toy box"'],
  ['left open', '1 TCPServerWrap'],
])('what hangs at the end (%s) is named, and the process ends with 1', async (hang, named) => {
  const toy = new Toy({ TOY_HANG: hang, TOY_END_MS: '500' })
  await toy.says('service.started')
  toy.child.kill('SIGTERM')
  expect(await toy.ends()).toBe(1)
  expect(toy.output).toContain('service.hung')
  expect(toy.output).toContain(named)
})

test.each(['unheard', 'rejected'])(
  'an error nobody caught (%s) is told, work is handed back, and the service ends with 1',
  async (fail) => {
    await wishDrill()
    const toy = new Toy({ TOY_FAIL: fail, TOY_WORK_MS: '60000', TOY_GRACE_MS: '60000' })
    await toy.says('began attempt')
    expect(await toy.ends()).toBe(1)
    expect(toy.output).toContain('service.crashed')
    expect(toy.output).toContain('nobody listens')
    expect(toy.output).toContain('closed first')
    const other = new Toy({})
    await other.says('finished')
    other.child.kill('SIGTERM')
    expect(await other.ends()).toBe(0)
  },
)
