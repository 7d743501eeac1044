import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type Server, type ServerResponse } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { Secret } from '@lifeboat/shared/config/secret.ts'
import type { AgentId, BackupId } from '@lifeboat/shared/domain/ids.ts'
import { rejectsWith } from '@lifeboat/storage/conformance/target-case.ts'
import { expect, test } from 'vitest'
import { agentSpools } from '../src/agent-spools.ts'

const signal = new AbortController().signal
const file = (agentId: string) => ({
  agentId: agentId as AgentId,
  backupId: '20260926T020000Z-dump-k3f9qa' as BackupId,
  name: 'db.dump.zst.age.00000',
})

test.concurrent('an agent that goes silent is not asked again for a while, then asked by one, and is back with its first answer', async () => {
  let silent = true
  let asked = 0
  await using db1 = await agentThat((answer) => {
    asked += 1
    if (!silent) answer.end('bytes')
  })
  using spools = agentSpools(new Map([['db1' as AgentId, db1.access]]), { silenceMs: 1000, slowMs: 500, awayMs: 3000 })
  await rejectsWith('AGENT_UNREACHABLE', spools.open(file('db1'), signal))
  for (let times = 0; times < 3; times += 1) await rejectsWith('AGENT_UNREACHABLE', spools.open(file('db1'), signal))
  expect(asked).toBe(1)
  silent = false
  await sleep(3100)
  const answered = await spools.open(file('db1'), signal)
  expect(answered && (await text(answered))).toBe('bytes')
  const again = await spools.open(file('db1'), signal)
  expect(again && (await text(again))).toBe('bytes')
})

test.concurrent('an agent that refuses connections at once is asked each time: a restart is short', async () => {
  const db1 = await agentThat(() => {})
  await db1[Symbol.asyncDispose]()
  using spools = agentSpools(new Map([['db1' as AgentId, db1.access]]), { silenceMs: 2000, awayMs: 60_000 })
  await rejectsWith('AGENT_UNREACHABLE', spools.open(file('db1'), signal))
  await using back = await agentThat((answer) => answer.end('bytes'), db1.port)
  const answered = await spools.open(file('db1'), signal)
  expect([answered && (await text(answered)), back.port]).toEqual(['bytes', db1.port])
})

test.concurrent('a host that swallows packets is given up after the time to connect, not after the long silence', async () => {
  await using hole = await blackHole()
  const access = { url: `http://127.0.0.1:${hole.port}`, token: new Secret('t') }
  using spools = agentSpools(new Map([['db1' as AgentId, access]]), { silenceMs: 60_000, connectMs: 300 })
  const began = performance.now()
  await rejectsWith('AGENT_UNREACHABLE', spools.open(file('db1'), signal))
  expect(performance.now() - began).toBeLessThan(30_000)
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
  const server: Server = createServer((_ask, answer) => answers(answer)).listen(port, '127.0.0.1')
  await once(server, 'listening')
  const at = (server.address() as AddressInfo).port
  return {
    port: at,
    access: { url: `http://127.0.0.1:${at}`, token: new Secret('t') },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((done) => server.close(done))
    },
  }
}
