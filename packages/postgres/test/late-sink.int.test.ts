import { buffer } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { expect, test } from 'vitest'
import { runPipeline } from '../src/pipeline/run-pipeline.ts'
import { BASE_ENV } from '../src/tools/stage.ts'

test.concurrent.each([0, 50, 3000])(
  'a sink that begins to read after %i ms gets every byte from the first on',
  async (ms) => {
    const stage = { tool: 'seq', program: '/usr/bin/seq', args: ['20000'], env: BASE_ENV }
    const sink = async (bytes: AsyncIterable<Uint8Array>) => {
      await sleep(ms)
      return buffer(bytes as AsyncIterable<Buffer>)
    }
    const { result } = await runPipeline([stage], sink, { signal: new AbortController().signal, log: silentLogger })
    const expected = Array.from({ length: 20_000 }, (_, at) => `${at + 1}\n`).join('')
    expect(result.toString()).toBe(expected)
  },
)
