import { spawnSync } from 'node:child_process'
import { closeSync, read } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { expect, test } from 'vitest'
import { drain } from '../src/pipeline/drain.ts'
import { runPipeline, runPipelineApart } from '../src/pipeline/run-pipeline.ts'
import { BASE_ENV, type Stage } from '../src/tools/stage.ts'

const sh = (tool: string, script: string): Stage => ({ tool, program: '/bin/sh', args: ['-c', script], env: BASE_ENV })
const run = (signal = new AbortController().signal) => ({ signal, log: silentLogger })
const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => 'no error',
    (err: unknown) => LifeboatError.from(err),
  )
/** Process ids; a program that was killed may be seen for a moment in a child it was just forking. */
const alive = (marker: string) => spawnSync('pgrep', ['-f', marker], { encoding: 'utf8' }).stdout

test('the bytes of the last program arrive whole and every program leaves a receipt', async () => {
  const stages = [sh('make', 'head -c 5000000 /dev/zero'), sh('pass', 'cat; echo done >&2')]
  const { result, stages: receipts } = await runPipeline(stages, drain, run())
  expect(result).toBe(5_000_000)
  expect(receipts).toMatchObject([
    { tool: 'make', exitCode: 0, stderr: '' },
    { tool: 'pass', exitCode: 0, stderr: 'done' },
  ])
})

test('given bytes go through the programs', async () => {
  async function* input() {
    yield Buffer.from('one ')
    yield Buffer.from('two')
  }
  const seen: string[] = []
  await runPipeline(
    [sh('upper', 'tr a-z A-Z')],
    async (bytes) => {
      for await (const chunk of bytes) seen.push(Buffer.from(chunk).toString())
    },
    run(),
    { input: input() },
  )
  expect(seen.join('')).toBe('ONE TWO')
})

test('an input that breaks is the reason the pipeline gives', async () => {
  async function* input() {
    yield Buffer.from('one ')
    await sleep(20)
    throw new LifeboatError('ARTIFACT_DIGEST_MISMATCH', {})
  }
  expect(await codeOf(runPipeline([sh('cat', 'cat')], drain, run(), { input: input() }))).toMatchObject({
    code: 'ARTIFACT_DIGEST_MISMATCH',
  })
})

test('the sink never sees the end of a stream whose producer failed', async () => {
  let sawTheEnd = false
  const work = runPipeline(
    [sh('pg_dump', 'echo half; echo "it broke" >&2; exit 3'), sh('pass', 'cat')],
    async (bytes) => {
      await drain(bytes)
      sawTheEnd = true
    },
    run(),
  )
  expect(await codeOf(work)).toMatchObject({
    code: 'TOOL_FAILED',
    facts: { tool: 'pg_dump', exitCode: 3, stderr: 'it broke' },
  })
  expect(sawTheEnd).toBe(false)
})

test('a program killed in the middle is named, and its writer is not blamed', async () => {
  const work = runPipeline([sh('make', 'exec yes'), sh('age', 'head -c 100000 | wc -c; kill -KILL $$')], drain, run())
  expect(await codeOf(work)).toMatchObject({ code: 'TOOL_KILLED', facts: { tool: 'age', signal: 'SIGKILL' } })
})

test('a program that is not there is TOOL_MISSING', async () => {
  const work = runPipeline([{ tool: 'age', program: '/nonexistent/age', args: [], env: {} }], drain, run())
  expect(await codeOf(work)).toMatchObject({ code: 'TOOL_MISSING', facts: { tool: 'age' } })
})

test('a sink that fails stops every program', async () => {
  const marker = `marker-${process.pid}-sink`
  const work = runPipeline(
    [sh('make', `: ${marker}; while :; do echo data; done`), sh('pass', `: ${marker}; cat`)],
    async (bytes) => {
      for await (const _ of bytes) throw new LifeboatError('SPOOL_DISK_FULL', {})
    },
    run(),
  )
  expect(await codeOf(work)).toMatchObject({ code: 'SPOOL_DISK_FULL' })
  await expect.poll(() => alive(marker)).toBe('')
})

test('an abort ends programs that ignore SIGTERM and rejects with its reason', async () => {
  const marker = `marker-${process.pid}-abort`
  const stop = new AbortController()
  const work = runPipeline(
    [sh('stubborn', `trap "" TERM; : ${marker}; while :; do sleep 0.05; done`)],
    drain,
    run(stop.signal),
    {
      killAfterMs: 300,
    },
  )
  setTimeout(() => stop.abort(new LifeboatError('RUN_CANCELLED', {})), 200)
  expect(await codeOf(work)).toMatchObject({ code: 'RUN_CANCELLED' })
  await expect.poll(() => alive(marker)).toBe('')
})

test('a helper that an aborted program leaves behind does not hold the pipeline up', async () => {
  const stop = new AbortController()
  // As long as this process lives: held up, the pipeline would never end.
  const helper = `sh -c 'while kill -0 ${process.pid} 2>/dev/null; do sleep 1; done'`
  const work = runPipeline([sh('wrapper', `${helper}; echo done`)], drain, run(stop.signal))
  setTimeout(() => stop.abort(new LifeboatError('RUN_OVERDUE', {})), 100)
  expect(await codeOf(work)).toMatchObject({ code: 'RUN_OVERDUE' })
})

test('a slow sink slows the programs down instead of filling memory', async () => {
  let made = 0
  await runPipeline(
    [sh('make', 'i=0; while [ $i -lt 60 ]; do head -c 100000 /dev/zero; i=$((i+1)); echo $i >&2; done')],
    async (bytes) => {
      let first = true
      for await (const _ of bytes) {
        if (first) await sleep(400)
        if (first) expect(made).toBeLessThan(20)
        first = false
      }
    },
    run(),
    { onStderr: (_, line) => (made = Number(line)) },
  )
  expect(made).toBe(60)
})

test('what a program writes to its report descriptor is in its receipt', async () => {
  const { stages } = await runPipeline([{ ...sh('gate', 'echo hello; echo fine >&3'), reports: true }], drain, run())
  expect(stages[0]?.report).toBe('fine\n')
})

/** Reads an open descriptor as another thread would: the bytes pass no stream of this process. */
async function lengthOf(fd: number): Promise<number> {
  const buffer = Buffer.alloc(64 * 1024)
  for (let total = 0; ; ) {
    const { bytesRead } = await promisify(read)(fd, buffer, 0, buffer.length, null)
    if (bytesRead === 0) {
      closeSync(fd)
      return total
    }
    total += bytesRead
  }
}

test('a sink apart reads the last program by its descriptor', async () => {
  const stages = [sh('make', 'head -c 5000000 /dev/zero'), sh('pass', 'cat')]
  const { result, stages: receipts } = await runPipelineApart(stages, lengthOf, run())
  expect(result).toBe(5_000_000)
  expect(receipts).toMatchObject([{ exitCode: 0 }, { exitCode: 0 }])
})

test('what a sink apart made of half a stream counts for nothing', async () => {
  const work = runPipelineApart([sh('age', 'echo half; echo "it broke" >&2; exit 3')], lengthOf, run())
  expect(await codeOf(work)).toMatchObject({ code: 'TOOL_FAILED', facts: { tool: 'age', stderr: 'it broke' } })
})

test('an input that breaks is the reason also of a pipeline apart', async () => {
  async function* input() {
    yield Buffer.from('one ')
    throw new LifeboatError('ARTIFACT_DIGEST_MISMATCH', {})
  }
  const work = runPipelineApart([sh('cat', 'cat')], lengthOf, run(), { input: input() })
  expect(await codeOf(work)).toMatchObject({ code: 'ARTIFACT_DIGEST_MISMATCH' })
})

test('a sink apart that fails stops programs that would write forever, and its reason is given', async () => {
  const failing = async (fd: number) => {
    closeSync(fd)
    throw new LifeboatError('RECOVERY_NO_ROOM', {})
  }
  const work = runPipelineApart([sh('make', 'exec cat /dev/zero'), sh('pass', 'exec cat')], failing, run())
  expect(await codeOf(work)).toMatchObject({ code: 'RECOVERY_NO_ROOM' })
})

test('an abort ends a pipeline apart and rejects with its reason', async () => {
  const stop = new AbortController()
  const work = runPipelineApart([sh('make', 'exec cat /dev/zero')], lengthOf, run(stop.signal))
  stop.abort(new LifeboatError('RUN_CANCELLED', {}))
  expect(await codeOf(work)).toMatchObject({ code: 'RUN_CANCELLED' })
})
