import { expect, it } from 'vitest'
import { openExtractThread } from './extract-thread.ts'

it('a thread that ended before anything was asked of it is told, not waited for', async () => {
  const thread = openExtractThread()
  await thread[Symbol.asyncDispose]()
  const job = { artifact: 'base.tar.zst.age', folder: '/nowhere', account: { uid: 0, gid: 0 }, over: false }
  const asked = thread.extract(job, { identity: '', parts: none() }, AbortSignal.timeout(5_000))
  await expect(asked).rejects.toMatchObject({ code: 'INTERNAL', facts: { message: 'the thread that extracts ended' } })
})

async function* none(): AsyncGenerator<string> {}
