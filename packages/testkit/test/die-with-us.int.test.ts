import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { connect } from 'node:net'
import { expect, onTestFinished, test, vi } from 'vitest'

const STARTER = `
const { startNats } = await import('${new URL('../src/nats.ts', import.meta.url).href}')
const { port, storeDir } = await startNats()
console.log(JSON.stringify({ port, storeDir }))
setInterval(() => {}, 1000)`

test('a NATS server whose starter is killed ends too, and takes its folder along', async () => {
  const starter = spawn(process.execPath, ['--input-type=module', '-e', STARTER], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void starter.kill('SIGKILL'))
  const [line] = (await once(starter.stdout, 'data')) as [Buffer]
  const { port, storeDir } = JSON.parse(line.toString()) as { port: number; storeDir: string }
  expect(await isListening(port)).toBe(true)
  starter.kill('SIGKILL')

  await vi.waitFor(async () => expect(await isListening(port)).toBe(false), { timeout: 90_000 })
  await vi.waitFor(() => expect(existsSync(storeDir)).toBe(false), { timeout: 90_000 })
})

async function isListening(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  const answered = await once(socket, 'connect').then(
    () => true,
    () => false,
  )
  socket.destroy()
  return answered
}
