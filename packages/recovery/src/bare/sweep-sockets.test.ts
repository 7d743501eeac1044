import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { lutimes, mkdir, mkdtemp, readdir, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { markOf, type ProcessMark } from '@lifeboat/shared/run/process-mark.ts'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { MADE_BY } from './made-by.ts'
import { sweepSocketFolders } from './sweep-sockets.ts'

const NOW = Date.now()
const uid = process.getuid?.()
let root: string
let dead: ProcessMark
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'lifeboat-sockets-'))
  const child = spawn('sleep', ['60'])
  await once(child, 'spawn')
  dead = await markOf(child.pid as number)
  child.kill('SIGKILL')
  await once(child, 'exit')
})
afterEach(() => rm(root, { recursive: true, force: true }))

/** As old as ten minutes unless it says otherwise. */
async function left(name: string, maker: object | undefined, { lock = '', minutes = 10 } = {}): Promise<void> {
  const folder = join(root, name)
  await mkdir(folder)
  if (maker) await writeFile(join(folder, MADE_BY), JSON.stringify(maker))
  if (lock !== '') await writeFile(join(folder, '.s.PGSQL.5432.lock'), `${lock}\n/data\n`)
  const at = new Date(NOW - minutes * 60_000)
  await utimes(folder, at, at)
}

const sweep = (of = uid) => sweepSocketFolders({ root, uid: of, nowMs: NOW })

test('folders of sockets whose makers were killed are removed, also with the lock of a server that died', async () => {
  await left('lb-dead', dead)
  await left('lb-server-dead', dead, { lock: String(dead.pid) })
  await sweep()
  expect(await readdir(root)).toEqual([])
})

test('what somebody may use stays', async () => {
  const own = await markOf(process.pid)
  await left('lb-living', own)
  await left('lb-server-lives', dead, { lock: String(process.pid) })
  await left('lb-server-begins', dead, { minutes: 4 })
  await left('lb-lock-begins', dead, { lock: ' ' })
  await left('lb-elsewhere', { ...dead, place: 'another machine' })
  await left('lb-unknown', undefined)
  await left('lb-unmarked', { ...dead, startTicks: undefined })
  await left('other-dead', dead)
  await left('lb-other-things', dead)
  await writeFile(join(root, 'lb-other-things', 'notes'), '')
  await utimes(join(root, 'lb-other-things'), NOW / 1000 - 600, NOW / 1000 - 600)
  await symlink(join(root, 'other-dead'), join(root, 'lb-link'))
  await lutimes(join(root, 'lb-link'), NOW / 1000 - 600, NOW / 1000 - 600)
  const all = (await readdir(root)).sort()
  expect(all).toHaveLength(10)
  await sweep()
  expect((await readdir(root)).sort()).toEqual(all)
})

test('what belongs to another account stays', async () => {
  await left('lb-dead', dead)
  await sweep((uid ?? 0) + 1)
  expect(await readdir(root)).toEqual(['lb-dead'])
})
