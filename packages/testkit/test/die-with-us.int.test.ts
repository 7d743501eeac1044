import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { promisify } from 'node:util'
import { expect, test, vi } from 'vitest'

const run = promisify(execFile)
const STARTER = `
const { startNats } = await import('${new URL('../src/nats.ts', import.meta.url).href}')
const { port, storeDir } = await startNats()
console.log(JSON.stringify({ port, storeDir }))
setInterval(() => {}, 1000)`

test('a NATS server whose starter is killed ends too, and takes its folder along', async () => {
  const starter = spawn(process.execPath, ['--input-type=module', '-e', STARTER], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [line] = (await once(starter.stdout, 'data')) as [Buffer]
  const { port, storeDir } = JSON.parse(line.toString()) as { port: number; storeDir: string }
  expect(await serversOn(port)).not.toEqual('')
  starter.kill('SIGKILL')

  await vi.waitFor(async () => expect(await serversOn(port)).toEqual(''), { timeout: 10_000 })
  await vi.waitFor(() => expect(existsSync(storeDir)).toBe(false), { timeout: 10_000 })
})

async function serversOn(port: number): Promise<string> {
  const { stdout } = await run('ps', ['-eo', 'stat,args'])
  return stdout
    .split('\n')
    .filter((line) => line.includes(`nats-server -a 127.0.0.1 -p ${port}`) && !line.startsWith('Z'))
    .join('\n')
}
