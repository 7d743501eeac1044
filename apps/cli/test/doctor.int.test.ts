import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { MARKED_TARGETS_BUCKET } from '@lifeboat/catalog/audit/buckets.ts'
import { INCIDENTS_BUCKET } from '@lifeboat/catalog/incidents-bucket.ts'
import { moment, type TargetId } from '@lifeboat/shared/domain/ids.ts'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Answer } from '../src/doctor/answer.ts'
import { keepPresent, startFleet, type TestFleet } from './fleet.ts'
import { cli } from './run-cli.ts'

let fleet: TestFleet

beforeEach(async () => {
  fleet = await startFleet()
  await Promise.all(['aws', 'gcp'].map((name) => mkdir(join(fleet.dir, name))))
})
afterEach(() => fleet[Symbol.asyncDispose]())

async function ask(): Promise<{ code: number | null; of: (part: string, name: string) => Answer | undefined }> {
  const { code, out } = await cli(fleet.dir, ['doctor', '--json'])
  const { answers } = JSON.parse(out) as { answers: Answer[] }
  return { code, of: (part, name) => answers.find((one) => one.part === part && one.name === name) }
}

test('what is broken is told with what to do next, what is well is said to be', async () => {
  const { code, of } = await ask()
  expect(code).toBe(6)
  expect(of('bus', 'NATS')).toMatchObject({ condition: 'well' })
  expect(of('target', 'aws')).toMatchObject({ condition: 'well' })
  expect(of('target', 'away')).toMatchObject({
    condition: 'broken',
    says: [expect.stringMatching(/^TARGET_/)],
    next: expect.arrayContaining(['lifeboat target check away']),
  })
  expect(of('service', 'backup-agent db1')).toMatchObject({
    condition: 'broken',
    says: ['not there: it was stopped, or never started'],
  })
  expect(of('source', 'records')).toMatchObject({
    condition: 'broken',
    next: expect.arrayContaining([expect.stringContaining('lifeboat backup now records')]),
  })
})

test('a folder in which the marker was seen once and is gone is broken, as is the place where a disk is mounted no more', async () => {
  expect((await ask()).of('target', 'aws')).toMatchObject({
    condition: 'well',
    says: ['answers; nothing was ever put there'],
  })
  const targetId = 'aws' as TargetId
  await (await fleet.bus.bucket(MARKED_TARGETS_BUCKET)).put(targetId, { targetId, since: moment(Date.now()) })
  expect((await ask()).of('target', 'aws')).toMatchObject({
    condition: 'broken',
    says: [expect.stringMatching(/^TARGET_UNMARKED/)],
  })
  await writeFile(join(fleet.dir, 'aws', 'lifeboat.json'), '{}')
  expect((await ask()).of('target', 'aws')).toMatchObject({ condition: 'well', says: ['answers'] })
})

test('a clock that is off, and an incident of no source, are seen', async () => {
  const now = Date.now()
  const about = { service: 'backup-agent', id: 'db1', startedAt: moment(now) }
  await using _agent = await keepPresent(fleet.bus, () => ({ ...about, at: moment(Date.now() - 180_000) }))
  const incidents = await fleet.bus.bucket(INCIDENTS_BUCKET)
  await incidents.put('dead-letter.x', {
    ...{ cause: 'dead-letter.x', rule: 'dead-letter', severity: 'warning', title: 'Messages could not be handled' },
    ...{ details: ['3 of them'], hint: 'Look at them.', state: 'open', openedAt: moment(now), notifications: 1 },
  })
  const { of } = await ask()
  expect(of('service', 'backup-agent db1')).toMatchObject({
    condition: 'ailing',
    says: ['the clock of its host is 3 min behind that of NATS'],
  })
  expect(of('incident', 'dead-letter.x')).toMatchObject({
    condition: 'ailing',
    says: ['Messages could not be handled', '3 of them'],
    next: ['Look at them.'],
  })
})

test('without a bus the targets are asked all the same, and the way back is named', async () => {
  const file = join(fleet.dir, 'lifeboat.yaml')
  await writeFile(file, (await readFile(file, 'utf8')).replace(fleet.nats.url, 'nats://127.0.0.1:1'))
  const { code, of } = await ask()
  expect(code).toBe(6)
  expect(of('bus', 'NATS')).toMatchObject({
    condition: 'broken',
    next: expect.arrayContaining([expect.stringContaining('lifeboat recover --from aws')]),
  })
  expect(of('source', 'records')).toMatchObject({ condition: 'unasked' })
  expect(of('target', 'gcp')).toMatchObject({ condition: 'ailing', says: [expect.stringMatching(/^TARGET_UNMARKED/)] })
})

test('a configuration that makes no sense ends it there, with its lines', async () => {
  const file = join(fleet.dir, 'lifeboat.yaml')
  await writeFile(file, (await readFile(file, 'utf8')).replace('targets: [aws, gcp]', 'targets: [aws, gpc]'))
  const { out } = await cli(fleet.dir, ['doctor'])
  expect(out).toMatch(/✗ configuration .*lifeboat\.yaml\n.*no target is called gpc/)
  expect(out).not.toMatch(/NATS/)
})
