import { type PartSealed, PartStored } from '@lifeboat/shared/bus/messages/part.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { putBytes, rejectsWith } from '@lifeboat/storage/conformance/target-case.ts'
import { wrap } from '@lifeboat/storage/layers/wrap.ts'
import { until } from '@lifeboat/testkit/eventually.ts'
import { expect, test } from 'vitest'
import type { Lane } from '../src/deps.ts'
import { storePart } from '../src/handlers/store-part.ts'
import { type SpooledBackup, spoolBackup } from './support/backup.ts'
import { expectCopy, memory, stored } from './support/copies.ts'
import { type Fleet, startFleet } from './support/fleet.ts'

const signal = new AbortController().signal

test.concurrent('a target that was away is filled from another one after the spool let go', async () => {
  await using fleet = await startFleet()
  const [aws, gcp] = [memory('aws'), memory('gcp')]
  let away = true
  const absent = wrap(gcp, {
    stat: (key, opts) => (away ? Promise.reject(new LifeboatError('TARGET_UNREACHABLE')) : gcp.stat(key, opts)),
  })
  await fleet.uploader([aws, absent])
  const backup = await spoolBackup(fleet.spool, { targets: ['aws', 'gcp'] })
  await fleet.announce(backup)
  await stored(fleet, 1)
  backup.release()
  expect(gcp.objects.size).toBe(0)
  away = false
  await stored(fleet, 2)
  expectCopy(gcp, backup)
})

test.concurrent('an agent that is away for a while loses nothing', async () => {
  await using fleet = await startFleet()
  const aws = memory('aws')
  const deps = await fleet.uploader([aws])
  const backup = await spoolBackup(fleet.spool, { targets: ['aws'] })
  fleet.spool.away = true
  await fleet.announce(backup)
  await new Promise((later) => setTimeout(later, 1500))
  expect(deps.lanes[0]?.gate.away).toBe(false)
  fleet.spool.away = false
  await stored(fleet, 1)
  expectCopy(aws, backup)
})

test.concurrent('bytes that went bad in the spool are taken from a target that has the good ones', async () => {
  await using fleet = await startFleet()
  const [aws, gcp] = [memory('aws'), memory('gcp')]
  const backup = await spoolBackup(fleet.spool, { targets: ['aws', 'gcp'] })
  await putBytes(gcp, backup.keyOfPart(1), backup.copy.get(backup.keyOfPart(1)) as Buffer, signal)
  spoil(fleet, backup, 1)
  await fleet.uploader([aws, gcp])
  await fleet.announce(backup)
  await stored(fleet, 2)
  expectCopy(aws, backup)
})

test.concurrent('bytes that are good nowhere become a dead letter that names the places', async () => {
  await using fleet = await startFleet()
  const aws = memory('aws')
  const backup = await spoolBackup(fleet.spool, { targets: ['aws'] })
  spoil(fleet, backup, 1)
  await fleet.uploader([aws])
  const letters: { code: string; wrong: unknown }[] = []
  await fleet.bus.consumeDeadLetters(
    'test',
    async ({ error }) => void letters.push({ code: error.code, wrong: error.facts.wrong }),
    { signal },
  )
  await fleet.announce(backup)
  await until(
    () => letters,
    ({ length }) => length === 1,
  )
  expect(letters).toEqual([{ code: 'ARTIFACT_DIGEST_MISMATCH', wrong: ['agent'] }])
  expect(aws.objects.has(backup.keyOfPart(1))).toBe(false)
})

test.concurrent('a part of an abandoned attempt, which nobody has any more, is given up after a while', async () => {
  await using fleet = await startFleet()
  const deps = await fleet.uploader([memory('aws')])
  const backup = await spoolBackup(fleet.spool, { targets: ['aws'], parts: 1 })
  backup.release()
  const [part] = backup.parts as [PartSealed]
  const [lane] = deps.lanes as [Lane]
  const delivery = { publishedAt: Date.now(), signal, log: silentLogger }
  const handle = storePart(deps, lane)
  fleet.spool.away = true
  for (let nth = 1; nth <= 20; nth += 1)
    await rejectsWith('AGENT_UNREACHABLE', handle(part, { ...delivery, attempt: nth }))
  fleet.spool.away = false
  for (let nth = 21; nth < 30; nth += 1) await rejectsWith('PART_GONE', handle(part, { ...delivery, attempt: nth }))
  await handle(part, { ...delivery, attempt: 30 })
  fleet.spool.away = true
  await rejectsWith('AGENT_UNREACHABLE', storePart(deps, lane)(part, { ...delivery, attempt: 1000 }))
  expect(await fleet.facts(PartStored)).toEqual([])
})

function spoil(fleet: Fleet, backup: SpooledBackup, no: number): void {
  const name = backup.keyOfPart(no).split('/').slice(2).join('/')
  const bytes = Buffer.from(fleet.spool.files.get(name) as Buffer)
  bytes[7] = (bytes[7] ?? 0) ^ 1
  fleet.spool.files.set(name, bytes)
}
