import { BackupSealed } from '@lifeboat/shared/bus/messages/backup.ts'
import { CopyRefused } from '@lifeboat/shared/bus/messages/copy.ts'
import { PartSealed } from '@lifeboat/shared/bus/messages/part.ts'
import type { SourceId } from '@lifeboat/shared/domain/ids.ts'
import { FLEET_KEY } from '@lifeboat/shared/domain/keys.ts'
import { clusterKey } from '@lifeboat/shared/domain/wal.ts'
import { putBytes } from '@lifeboat/storage/conformance/target-case.ts'
import { until } from '@lifeboat/testkit/eventually.ts'
import { expect, test } from 'vitest'
import { spoolBackup } from './support/backup.ts'
import { expectCopy, memory, stored } from './support/copies.ts'
import { startFleet } from './support/fleet.ts'

const signal = new AbortController().signal

test.concurrent('another object under a key of ours refuses this copy at this target and nothing else', async () => {
  await using fleet = await startFleet()
  const [aws, gcp] = [memory('aws'), memory('gcp')]
  await fleet.uploader([aws, gcp])
  const backup = await spoolBackup(fleet.spool, { targets: ['aws', 'gcp'] })
  const foreign = Buffer.alloc(100_000, 'x')
  await putBytes(aws, backup.keyOfPart(1), foreign, signal)
  await fleet.announce(backup)
  const [refusal] = await until(
    () => fleet.facts(CopyRefused),
    (facts) => facts.length === 1,
  )
  expect(refusal).toMatchObject({
    targetId: 'aws',
    backupId: backup.sealed.backupId,
    error: { code: 'TARGET_KEY_TAKEN' },
  })
  const [copy] = await stored(fleet, 1)
  expect(copy?.targetId).toBe('gcp')
  expect(aws.objects.get(backup.keyOfPart(1))?.equals(foreign)).toBe(true)
  const next = await spoolBackup(fleet.spool, { targets: ['aws', 'gcp'] })
  await fleet.announce(next)
  await stored(fleet, 3)
  expectCopy(aws, next)
})

test.concurrent('a target that keeps another cluster under the name of a source takes nothing of its bases, and nothing there changes', async () => {
  await using fleet = await startFleet()
  const [aws, gcp] = [memory('aws'), memory('gcp')]
  await fleet.uploader([aws, gcp])
  const first = await spoolBackup(fleet.spool, { targets: ['aws'], systemIdentifier: '6999' })
  await fleet.announce(first)
  await stored(fleet, 1)
  const before = new Map(aws.objects)
  const anew = await spoolBackup(fleet.spool, { targets: ['aws', 'gcp'], systemIdentifier: '7' })
  await fleet.bus.publish(BackupSealed, anew.sealed)
  await until(
    () => fleet.facts(CopyRefused),
    (facts) => facts.length === 1,
  )
  for (const part of anew.parts) await fleet.bus.publish(PartSealed, part)
  const [, copy] = await stored(fleet, 2)
  expect(copy?.targetId).toBe('gcp')
  const refusals = await fleet.whenFacts(CopyRefused, 1)
  expect(refusals[0]).toMatchObject({
    targetId: 'aws',
    error: { code: 'BASE_FOREIGN', facts: { there: '6999', systemIdentifier: '7' } },
  })
  const dump = await spoolBackup(fleet.spool, { targets: ['aws'] })
  await fleet.announce(dump)
  await stored(fleet, 3)
  expectCopy(aws, dump)
  for (const key of dump.copy.keys()) aws.objects.delete(key)
  expect(aws.objects).toEqual(before)
})

test.concurrent('a target that keeps the WAL of another cluster under the name of a source takes nothing of its bases', async () => {
  await using fleet = await startFleet()
  const aws = memory('aws')
  aws.objects.set(clusterKey('records' as SourceId), Buffer.from('{"format":1,"systemIdentifier":"6999"}\n'))
  await fleet.uploader([aws])
  const base = await spoolBackup(fleet.spool, { targets: ['aws'], systemIdentifier: '7' })
  await fleet.bus.publish(PartSealed, base.parts[0] as PartSealed)
  const [refusal] = await fleet.whenFacts(CopyRefused, 1)
  expect(refusal).toMatchObject({ error: { code: 'BASE_FOREIGN', facts: { there: '6999' } } })
  expect([...aws.objects.keys()].sort()).toEqual([FLEET_KEY, clusterKey('records' as SourceId)])
})

test.concurrent('a prefix in which another fleet lives takes nothing of ours', async () => {
  await using fleet = await startFleet()
  const aws = memory('aws')
  await putBytes(aws, FLEET_KEY, Buffer.from('{"format":1,"fleet":"other"}\n'), signal)
  await fleet.uploader([aws])
  const backup = await spoolBackup(fleet.spool, { targets: ['aws'] })
  await fleet.announce(backup)
  const [refusal] = await until(
    () => fleet.facts(CopyRefused),
    (facts) => facts.length === 1,
  )
  expect(refusal?.error.facts.key).toBe('lifeboat.json')
  expect([...aws.objects.keys()]).toEqual(['lifeboat.json'])
})
