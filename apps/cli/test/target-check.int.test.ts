import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '@lifeboat/shared/time/clock.ts'
import type { TargetFinding } from '@lifeboat/storage/conformance/check-target.ts'
import { TARGET_KINDS } from '@lifeboat/storage/open-target.ts'
import { type Buckets, startBuckets } from '@lifeboat/testkit/buckets.ts'
import { startFaultProxy } from '@lifeboat/testkit/fault-proxy.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { targetCheck } from '../src/commands/target-check.ts'
import { styleFor } from '../src/format/style.ts'

let buckets: Buckets
let folder: string
beforeAll(async () => {
  buckets = await startBuckets()
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-check-'))
})
afterAll(async () => {
  await buckets?.[Symbol.asyncDispose]()
  if (folder) await rm(folder, { recursive: true, force: true })
})

for (const kind of TARGET_KINDS)
  test(`a ${kind} target that keeps the contract is called fit, with a line for each case`, async () => {
    const outcome = await check(kind, { [kind]: buckets.yaml[kind] })
    expect(outcome.exit).toBe('ok')
    expect(outcome.value).toMatchObject({ target: kind, kind, fit: true, leftBehind: 0 })
    const { cases } = outcome.value as TargetFinding
    const lines = outcome.text(styleFor(false)).split('\n')
    expect(lines).toHaveLength(cases.length + 1)
    expect(lines[0]).toBe('✓ put    what was put comes back byte for byte')
    expect(lines.at(-1)).toMatch(/is fit to keep backups: \d+ of \d+ cases hold/)
  })

test('a gateway that damages uploads makes the target unfit, and each broken case has a next step', async () => {
  const { gcs } = buckets.yaml
  await using proxy = await startFaultProxy('endpoint' in gcs && gcs.endpoint ? gcs.endpoint : '')
  proxy.inject({ kind: 'flip-download', atByte: 0 }, { method: 'GET', path: /alt=media/, times: 1000 })
  const outcome = await check('bent', { bent: { ...gcs, endpoint: proxy.endpoint } })
  expect(outcome.exit).toBe('failed')
  const { cases } = outcome.value as TargetFinding
  const broken = cases.filter((each) => each.outcome === 'broken')
  expect(broken.map(({ name }) => name)).toContain('what was put comes back byte for byte')
  for (const { hint, detail } of broken) expect([hint, detail]).not.toContain(undefined)
  expect(outcome.text(styleFor(false))).toMatch(/✗ put {4}what was put[^\n]+\n +other bytes came back\n +next: /)
})

test('a name that is not configured is answered with the one that was probably meant', async () => {
  await expect(check('gsc', { gcs: buckets.yaml.gcs })).rejects.toMatchObject({
    code: 'TARGET_UNKNOWN',
    facts: { name: 'gsc', suggestion: expect.stringContaining('gcs') },
  })
})

test('a bucket that does not exist is one clear error', async () => {
  await expect(check('gcs', { gcs: { ...buckets.yaml.gcs, bucket: 'not-there' } })).rejects.toMatchObject({
    code: 'TARGET_MISSING',
  })
})

async function check(name: string, targets: object) {
  const path = join(folder, `${crypto.randomUUID()}.yaml`)
  // JSON is YAML.
  await writeFile(path, JSON.stringify({ version: 1, fleet: 'test', targets }))
  const terminal = {
    env: buckets.env,
    cwd: folder,
    signal: new AbortController().signal,
    out() {},
    err() {},
    colour: false,
    liveWidth: undefined,
  }
  return targetCheck({ name }, { terminal, options: { config: path }, clock: systemClock })
}
