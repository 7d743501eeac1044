import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { orNotRun } from '../src/conditions.ts'
import { freePort } from '../src/free-port.ts'

const isLinux = orNotRun(process.platform === 'linux', 'ports of two processes', 'Linux')

/** Of twelve thousand there are; by chance alone some forty would be given twice. */
const MANY = 700

const path = fileURLToPath(new URL('../src/free-port.ts', import.meta.url))
const script = `
  const { freePort } = await import(${JSON.stringify(path)})
  const ports = []
  while (ports.length < ${MANY}) ports.push(await freePort())
  console.log(JSON.stringify(ports))
  process.stdin.resume()`

async function ports(): Promise<number[]> {
  const found: number[] = []
  while (found.length < MANY) found.push(await freePort())
  return found
}

test.runIf(isLinux)('no two processes are given the same port, and one that ended holds none', async () => {
  const other = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['pipe', 'pipe', 'inherit'] })
  const [line] = await once(createInterface(other.stdout), 'line')
  const theirs = new Set<number>(JSON.parse(line))
  const mine = await ports()
  expect([theirs.size, new Set(mine).size]).toEqual([MANY, MANY])
  expect(mine.filter((port) => theirs.has(port))).toEqual([])

  other.stdin.end()
  expect(await once(other, 'exit')).toEqual([0, null])
  expect((await ports()).some((port) => theirs.has(port))).toBe(true)
})
