import { execFileSync } from 'node:child_process'
import { tmpdir, userInfo } from 'node:os'
import type { RestoreId, SourceId } from '@lifeboat/shared/domain/ids.ts'
import type { ErrorReport, LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { runHook } from './hooks.ts'
import { plannedHooks } from './planned-hooks.ts'

afterEach(() => {
  vi.unstubAllEnvs()
  vi.restoreAllMocks()
})

/** What a hook that fails has said. */
async function saidBy(command: readonly string[], more: { user?: string; env?: Record<string, string> } = {}) {
  const hook = { command, timeout: 60_000, env: {}, ...more }
  const ids = { restoreId: 'a-restore' as RestoreId, sourceId: 'records' as SourceId }
  const call = { name: 'own', on: 'stop', ...ids, swapped: false, begun: async () => {}, log: silentLogger } as const
  const ran = runHook(hook, call).then(
    () => {
      throw new Error('it was to fail')
    },
    ({ code, facts }: LifeboatError) => ({ code, output: String(facts.output) }),
  )
  return await ran
}

test('the environment of a hook is what is configured, and nothing that the agent has', async () => {
  vi.stubEnv('PASSWORD_OF_THE_AGENT', 'secret')
  vi.stubEnv('LIFEBOAT_CONFIG', '/etc/lifeboat/lifeboat.yaml')
  // A folder cannot be read, so it fails and its words are told.
  const { output } = await saidBy(['/bin/cat', '/proc/self/environ', tmpdir()], { env: { UNIT: 'app', LC_ALL: 'C' } })
  const told = output.slice(0, output.lastIndexOf('\0')).split('\0').sort()
  expect(told).toEqual([
    'LC_ALL=C',
    'LIFEBOAT_HOOK=stop',
    'LIFEBOAT_RESTORE_ID=a-restore',
    'LIFEBOAT_SOURCE=records',
    expect.stringMatching(/^PATH=/),
    'UNIT=app',
  ])
})

describe('a hook with a user', () => {
  const WHO = ['/bin/sh', '-c', 'id -u; id -g; id -G; exit 1']
  const idsOf = (name: string) =>
    ['-u', '-g'].map((flag) => execFileSync('id', [flag, name], { encoding: 'utf8' }).trim())
  const root = process.getuid?.() === 0

  test('runs as that account and in its group alone: another one where the agent is root, else its own', async () => {
    const user = root ? 'nobody' : userInfo().username
    const [uid, gid] = idsOf(user)
    const [who, group, groups] = (await saidBy(WHO, { user })).output.split('\n')
    expect([who, group]).toEqual([uid, gid])
    if (root) expect(groups).toBe(gid)
  })

  test.each([
    ['of another account, where the agent is not root,', 'root', /not root/],
    ['that this host does not know', 'nobody-of-this-name', /no such account/],
  ])('%s is not run as the agent instead, and stands against the plan', async (_, user, words) => {
    vi.spyOn(process, 'getuid').mockReturnValue(54321)
    expect(await saidBy(WHO, { user })).toEqual({ code: 'RESTORE_HOOK_UNFIT', output: 'undefined' })
    const obstacles: ErrorReport[] = []
    const hook = { command: WHO, user, timeout: 1000, env: {} }
    plannedHooks(
      { stop: 'own', start: 'plain' },
      { hooks: { own: hook, plain: { ...hook, user: undefined } } },
      obstacles,
    )
    expect(obstacles).toMatchObject([
      { code: 'RESTORE_HOOK_UNFIT', facts: { hook: 'own', user, problem: expect.stringMatching(words) } },
    ])
  })
})
