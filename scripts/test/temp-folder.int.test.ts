import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { markOf, type ProcessMark } from '@lifeboat/shared/run/process-mark.ts'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import setup from './temp-folder.ts'

let parent: string
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'runs-'))
  vi.stubEnv('TMPDIR', parent)
})
afterEach(() => {
  vi.unstubAllEnvs()
  rmSync(parent, { recursive: true })
})

function runOf(name: string, mark: ProcessMark | undefined): void {
  mkdirSync(join(parent, name))
  writeFileSync(join(parent, name, 'big'), '')
  if (mark) writeFileSync(join(parent, name, 'run.json'), JSON.stringify(mark))
}

it('is where temporary files go while the run lasts, and no longer', async () => {
  const end = await setup()
  expect(readdirSync(parent)).toEqual([process.env.TMPDIR?.slice(parent.length + 1)])
  end()
  expect(readdirSync(parent)).toEqual([])
})

it('takes the place of what a killed run left, and of nothing else', async () => {
  const here = await markOf(process.pid)
  runOf('lbt-alive', here)
  runOf('lbt-killed', { ...here, pid: spawnSync('true').pid })
  runOf('lbt-killed-and-its-number-taken', { ...here, startTicks: '1' })
  runOf('lbt-of-another-container', { ...here, startTicks: '1', place: 'elsewhere' })
  runOf('lbt-unmarked', undefined)
  runOf('other', { ...here, startTicks: '1' })
  const end = await setup()
  end()
  expect(readdirSync(parent).sort()).toEqual(['lbt-alive', 'lbt-of-another-container', 'lbt-unmarked', 'other'])
  expect(existsSync(join(parent, 'lbt-alive/big'))).toBe(true)
})
