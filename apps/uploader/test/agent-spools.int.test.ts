import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type Server, type ServerResponse } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { Secret } from '@lifeboat/shared/config/secret.ts'
import type { AgentId, BackupId } from '@lifeboat/shared/domain/ids.ts'
import { rejectsWith } from '@lifeboat/storage/conformance/target-case.ts'
import { freePort } from '@lifeboat/testkit/free-port.ts'
import { expect, test, vi } from 'vitest'
import { agentSpools } from '../src/agent-spools.ts'

const signal = new AbortController().signal
const AT_LEISURE_MS = 240_000
const file = (agentId: string) => ({
  agentId: agentId as AgentId,
  backupId: '20260926T020000Z-dump-k3f9qa' as BackupId,
  name: 'db.dump.zst.age.00000',
})

test('an agent that goes silent is not asked again for a while, then asked by one, and is back with its first answer', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  using _real = { [Symbol.dispose]: () => void vi.useRealTimers() }
  let silent = true
  let asked = 0
  const { promise: reached, resolve: reach } = Promise.withResolvers<void>()
  await using db1 = await agentThat((answer) => {
    asked += 1
    reach()
    if (!silent) answer.end('bytes')
  })
  using spools = agentSpools(new Map([['db1' as AgentId, db1.access]]), { silenceMs: 1000, slowMs: 500, awayMs: 3000 })
  const unheard = rejectsWith('AGENT_UNREACHABLE', spools.open(file('db1'), signal))
  await reached
  await vi.advanceTimersByTimeAsync(1000)
  await unheard
  for (let times = 0; times < 3; times += 1) await rejectsWith('AGENT_UNREACHABLE', spools.open(file('db1'), signal))
  expect(asked).toBe(1)
  silent = false
  await vi.advanceTimersByTimeAsync(3000)
  const answered = await spools.open(file('db1'), signal)
  expect(answered && (await text(answered))).toBe('bytes')
  const again = await spools.open(file('db1'), signal)
  expect(again && (await text(again))).toBe('bytes')
})

test.concurrent('an agent that refuses connections at once is asked each time: a restart is short', async () => {
  const port = await freePort()
  const access = { url: `http://127.0.0.1:${port}`, token: new Secret('t') }
  const patience = { silenceMs: AT_LEISURE_MS, slowMs: AT_LEISURE_MS, awayMs: AT_LEISURE_MS }
  using spools = agentSpools(new Map([['db1' as AgentId, access]]), patience)
  await rejectsWith('AGENT_UNREACHABLE', spools.open(file('db1'), signal))
  await using _back = await agentThat((answer) => answer.end('bytes'), port)
  const answered = await spools.open(file('db1'), signal)
  expect(answered && (await text(answered))).toBe('bytes')
})

test.concurrent('a host that swallows packets is given up after the time to connect, not after the long silence', async () => {
  await using hole = await blackHole()
  const access = { url: `http://127.0.0.1:${hole.port}`, token: new Secret('t') }
  using spools = agentSpools(new Map([['db1' as AgentId, access]]), { silenceMs: AT_LEISURE_MS, connectMs: 300 })
  const givenUp = { code: 'AGENT_UNREACHABLE', facts: { connectMs: 300 } }
  await expect(spools.open(file('db1'), signal)).rejects.toMatchObject(givenUp)
})

/** A port whose queue of connections is full and that nobody empties: the kernel drops what else comes, as a firewall does. */
async function blackHole() {
  const listen = `require('node:net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, function () { console.log(this.address().port) })`
  const child = spawn(process.execPath, ['-e', listen], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  const port = Number(line.toString())
  child.kill('SIGSTOP')
  const fillers = Array.from({ length: 4 }, () => connect(port, '127.0.0.1').on('error', () => {}))
  await sleep(200)
  return {
    port,
    async [Symbol.asyncDispose]() {
      for (const filler of fillers) filler.destroy()
      const ended = once(child, 'exit')
      child.kill('SIGKILL')
      await ended
    },
  }
}

async function agentThat(answers: (answer: ServerResponse) => void, port = 0) {
  const server: Server = createServer((_ask, answer) => answers(answer))
  server.keepAliveTimeout = 0
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const at = (server.address() as AddressInfo).port
  return {
    access: { url: `http://127.0.0.1:${at}`, token: new Secret('t') },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((done) => server.close(done))
    },
  }
}
