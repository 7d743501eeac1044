import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CopyStored } from '@lifeboat/shared/bus/messages/copy.ts'
import { PartSealed, PartStored } from '@lifeboat/shared/bus/messages/part.ts'
import { until } from '@lifeboat/testkit/eventually.ts'
import { type S3Server, startS3Server } from '@lifeboat/testkit/s3-server.ts'
import { expect, test } from 'vitest'
import { spoolBackup } from './support/backup.ts'
import { type Fleet, startFleet } from './support/fleet.ts'

// The bus gives a dead uploader's part to another one after 30 s without a sign of life.
const REDELIVERED_WITHIN_MS = 60_000

test('an uploader killed in the middle of a put leaves no half part, and its successor sends only what is missing', async () => {
  await using fleet = await startFleet()
  await using s3 = await startS3Server()
  const backup = await spoolBackup(fleet.spool, { targets: ['aws'], parts: 6, partBytes: 3_000_000 })
  const isPut = (part: number) => s3.objects().some(({ key }) => key === backup.keyOfPart(part))
  {
    await using uploader = await startProcess(fleet, s3)
    for (const part of backup.parts.slice(0, 3)) await announcePart(fleet, part)
    await until(
      () => fleet.facts(PartStored),
      (facts) => facts.length === 3,
    )
    fleet.spool.stallAfter = 1_500_000
    for (const part of backup.parts.slice(3)) await announcePart(fleet, part)
    await until(
      () => s3.seen.filter((request) => /^PUT .*age\.0000[345]/.test(request)).length,
      (puts) => puts === 3,
    )
    await uploader.kill('SIGKILL')
  }
  expect([3, 4, 5].map(isPut)).toEqual([false, false, false])
  fleet.spool.stallAfter = undefined
  fleet.spool.served.length = 0
  await using _successor = await startProcess(fleet, s3)
  await fleet.announce(backup)
  await until(
    () => fleet.facts(CopyStored),
    (facts) => facts.length === 1,
    REDELIVERED_WITHIN_MS,
  )
  expect(
    fleet.spool.served
      .filter((name) => name.includes('.age.'))
      .map((name) => name.slice(-1))
      .sort(),
  ).toEqual(['3', '4', '5'])
  expect(s3.objects().map(({ key }) => key)).toEqual([...backup.copy.keys(), 'lifeboat.json'].sort())
})

test('an uploader that is told to stop in the middle of a put hands the part back at once', async () => {
  await using fleet = await startFleet()
  await using s3 = await startS3Server()
  const backup = await spoolBackup(fleet.spool, { targets: ['aws'], parts: 1, partBytes: 3_000_000 })
  fleet.spool.stallAfter = 1_500_000
  const uploader = await startProcess(fleet, s3)
  await fleet.announce(backup)
  await until(() => s3.seen.some((request) => /^PUT .*age\.00000/.test(request)), Boolean)
  void uploader.kill('SIGTERM')
  // Another signal than the first: two of one kind may arrive as one.
  expect(await uploader.kill('SIGINT')).toBe(0)
  fleet.spool.stallAfter = undefined
  await using _successor = await startProcess(fleet, s3)
  await until(
    () => fleet.facts(CopyStored),
    (facts) => facts.length === 1,
  )
})

async function startProcess(fleet: Fleet, s3: S3Server) {
  const folder = await mkdtemp(join(tmpdir(), 'lifeboat-uploader-'))
  const config = join(folder, 'lifeboat.yaml')
  await writeFile(config, configOf(fleet, s3))
  const child = spawn(process.execPath, [join(import.meta.dirname, '../src/main.ts')], {
    env: {
      ...{ PATH: process.env.PATH, LIFEBOAT_CONFIG: config, LIFEBOAT_LOG_LEVEL: 'info' },
      ...{ AGENT_TOKEN: fleet.spool.token, S3_ID: s3.credentials.accessKeyId, S3_KEY: s3.credentials.secretAccessKey },
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let said = ''
  child.stdout.on('data', (chunk: Buffer) => {
    said += chunk.toString()
  })
  const gone = once(child, 'exit')
  await Promise.race([
    until(() => said.includes('service.started'), Boolean),
    gone.then(() => Promise.reject(new Error(`the uploader ended: ${said}`))),
  ])
  const kill = async (how: NodeJS.Signals): Promise<number | null> => {
    child.kill(how)
    await gone
    return child.exitCode
  }
  return {
    kill,
    async [Symbol.asyncDispose]() {
      await kill('SIGKILL')
      await rm(folder, { recursive: true, force: true })
    },
  }
}

function configOf({ nats, spool }: Fleet, s3: S3Server): string {
  return `
version: 1
fleet: acme
bus: { servers: ['${nats.url}'] }
agents:
  db1: { url: '${spool.url}', token: 'env:AGENT_TOKEN', signingKey: 'env:NOT_HERE', spool: { path: /nowhere } }
targets:
  aws:
    kind: s3
    bucket: ${s3.bucket}
    region: ${s3.region}
    endpoint: ${s3.endpoint}
    forcePathStyle: true
    accessKeyId: env:S3_ID
    secretAccessKey: env:S3_KEY
uploader: { concurrency: 3 }
`
}

async function announcePart(fleet: Fleet, part: PartSealed): Promise<void> {
  await fleet.bus.publish(PartSealed, part)
}
