import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { expect, test } from 'vitest'
import { postHook } from './post-hook.ts'

test('a post hook ends with the command, cancelled or of an agent that has to end', async () => {
  await using own = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'lifeboat-post-hook-'))
  own.defer(() => rm(folder, { recursive: true }))
  const hook = { command: ['/bin/sleep', '20'], timeout: 10_000, env: {} }
  const command = {
    ...{
      order: { hooks: { post: 'slow' }, restoreId: 'restore', sourceId: 'app' },
      restore: { hooks: { slow: hook } },
    },
    ...{ files: { root: folder }, run: { signal: AbortSignal.timeout(100), log: silentLogger }, report: () => {} },
    ...{ entry: () => ({ stage: 'accepted' }), step: async () => {} },
  } as unknown as Parameters<typeof postHook>[0]
  const ran = postHook(command, { folder, swaps: [] })
  const problem = expect.stringContaining('the command is over or the agent has to end')
  await expect(ran).rejects.toMatchObject({ code: 'RESTORE_HOOK_FAILED', facts: { problem } })
})
