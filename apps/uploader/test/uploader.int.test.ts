import { BackupSealed } from '@lifeboat/shared/bus/messages/backup.ts'
import { CopyRefused, CopyStored } from '@lifeboat/shared/bus/messages/copy.ts'
import { PartSealed, PartStored } from '@lifeboat/shared/bus/messages/part.ts'
import type { SourceId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import { FLEET_KEY } from '@lifeboat/shared/domain/keys.ts'
import { clusterKey } from '@lifeboat/shared/domain/wal.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { putBytes, rejectsWith } from '@lifeboat/storage/conformance/target-case.ts'
import { faulty } from '@lifeboat/storage/layers/faulty.ts'
import { impatient } from '@lifeboat/storage/layers/impatient.ts'
import { wrap } from '@lifeboat/storage/layers/wrap.ts'
import { type MemoryTarget, openMemory } from '@lifeboat/storage/memory.ts'
import { until } from '@lifeboat/testkit/eventually.ts'
import { expect, test } from 'vitest'
import type { Lane } from '../src/deps.ts'
import { storePart } from '../src/handlers/store-part.ts'
import { type SpooledBackup, spoolBackup } from './support/backup.ts'
import { type Fleet, startFleet } from './support/fleet.ts'

const signal = new AbortController().signal

test.concurrent('every part reaches every target, and the manifest is the last thing written there', async () => {
  await using fleet = await startFleet()
  const written: string[] = []
  const aws = memory('aws')
  const gcp = memory('gcp')
  const recorded = wrap(aws, {
    async put(key, body, opts) {
      const receipt = await aws.put(key, body, opts)
      written.push(key)
      return receipt
    },
  })
  await fleet.uploader([recorded, gcp])
  const backup = await spoolBackup(fleet.spool, { targets: ['aws', 'gcp'], parts: 12 })
  await fleet.announce(backup)
  await stored(fleet, 2)
  for (const target of [aws, gcp]) expectCopy(target, backup)
  expect(written.at(-1)).toBe([...backup.copy.keys()].at(-1))
  // The marker is asked for again after a while.
  expect(written.filter((key) => key !== FLEET_KEY)).toHaveLength(backup.copy.size)
  expect(await fleet.whenFacts(PartStored, 24)).toHaveLength(24)
})

test.concurrent('parts told without their MD5 are stored, and a target whose store needs none says so', async () => {
  await using fleet = await startFleet()
  const [aws, gcp] = [memory('aws'), Object.assign(memory('gcp'), { checksMd5: true as const })]
  await fleet.uploader([aws, gcp])
  const backup = await spoolBackup(fleet.spool, { targets: ['aws', 'gcp'], parts: 1 })
  for (const { part, ...sealed } of backup.parts) {
    const { md5: _, ...without } = part
    await fleet.bus.publish(PartSealed, { ...sealed, part: without })
  }
  const said = (await fleet.whenFacts(PartStored, 2)).map(({ targetId, withoutMd5 }) => [targetId, withoutMd5])
  expect(Object.fromEntries(said)).toEqual({ aws: true, gcp: undefined })
})

test.concurrent('a target that is not among the targets of a backup gets nothing of it', async () => {
  await using fleet = await startFleet()
  const [aws, gcp] = [memory('aws'), memory('gcp')]
  await fleet.uploader([aws, gcp])
  await fleet.announce(await spoolBackup(fleet.spool, { targets: ['aws'] }))
  await stored(fleet, 1)
  expect(gcp.objects.size).toBe(0)
})

test.concurrent('no manifest is written before the last part is there', async () => {
  await using fleet = await startFleet()
  const aws = memory('aws')
  await fleet.uploader([aws])
  const backup = await spoolBackup(fleet.spool, { targets: ['aws'] })
  const [first, second, last] = backup.parts as [PartSealed, PartSealed, PartSealed]
  await fleet.bus.publish(BackupSealed, backup.sealed)
  for (const part of [first, second]) await fleet.bus.publish(PartSealed, part)
  await until(
    () => fleet.spool.served.filter((name) => name.endsWith('manifest.json')).length,
    (asked) => asked >= 2,
  )
  expect([...aws.objects.keys()].filter((key) => key.endsWith('manifest.json'))).toEqual([])
  expect(await fleet.facts(CopyStored)).toEqual([])
  await fleet.bus.publish(PartSealed, last)
  await stored(fleet, 1)
  expectCopy(aws, backup)
})

test.concurrent('a copy is complete as soon as its last part has arrived, without being asked for again', async () => {
  await using fleet = await startFleet()
  const aws = memory('aws')
  const { promise: mayGo, resolve: go } = Promise.withResolvers<void>()
  let [begun, lists] = [0, 0]
  const slow = wrap(aws, {
    async put(key, body, opts) {
      if (opts.role === 'part') {
        begun++
        await mayGo
      }
      return aws.put(key, body, opts)
    },
    list(prefix, opts) {
      lists++
      return aws.list(prefix, opts)
    },
  })
  await fleet.uploader([slow])
  const backup = await spoolBackup(fleet.spool, { targets: ['aws'], parts: 3 })
  for (const part of backup.parts) await fleet.bus.publish(PartSealed, part)
  await until(
    () => begun,
    (seen) => seen === 3,
  )
  await fleet.bus.publish(BackupSealed, backup.sealed)
  await until(
    () => lists,
    (seen) => seen === 1,
  )
  go()
  await stored(fleet, 1)
  expectCopy(aws, backup)
  // Looked once too early and once when the parts had arrived, all at one delivery: nobody asked by the clock.
  expect(lists).toBe(2)
  expect(fleet.spool.served.filter((name) => name.endsWith('manifest.json'))).toHaveLength(1)
})

test.concurrent('a copy whose part fails while it is waited for is completed later', async () => {
  await using fleet = await startFleet()
  const aws = memory('aws')
  const { promise: mayFail, resolve: fail } = Promise.withResolvers<void>()
  let tries = 0
  let lists = 0
  const breaking = wrap(aws, {
    async put(key, body, opts) {
      if (opts.role !== 'part' || ++tries > 1) return aws.put(key, body, opts)
      await mayFail
      throw new LifeboatError('TARGET_UNREACHABLE', { targetId: 'aws' })
    },
    list(prefix, opts) {
      lists++
      return aws.list(prefix, opts)
    },
  })
  await fleet.uploader([breaking])
  const backup = await spoolBackup(fleet.spool, { targets: ['aws'], parts: 1 })
  const [part] = backup.parts as [PartSealed]
  await fleet.bus.publish(PartSealed, part)
  await until(
    () => tries,
    (seen) => seen === 1,
  )
  await fleet.bus.publish(BackupSealed, backup.sealed)
  await until(
    () => lists,
    (seen) => seen === 1,
  )
  fail()
  await stored(fleet, 1)
  expectCopy(aws, backup)
})

test.concurrent('a part that is announced many times is sent once', async () => {
  await using fleet = await startFleet()
  const aws = memory('aws')
  const deps = await fleet.uploader([aws])
  const backup = await spoolBackup(fleet.spool, { targets: ['aws'], parts: 1 })
  const [part] = backup.parts as [PartSealed]
  const delivery = { attempt: 1, publishedAt: Date.now(), signal, log: silentLogger }
  const [lane] = deps.lanes as [Lane]
  for (let nth = 0; nth < 5; nth++) await storePart(deps, lane)(part, { ...delivery, attempt: nth + 1 })
  expect(fleet.spool.served).toHaveLength(1)
  expect(await fleet.facts(PartStored)).toHaveLength(1)
})

test.concurrent('a create whose answer was lost is not sent again', async () => {
  await using fleet = await startFleet()
  const aws = memory('aws')
  await fleet.uploader([faulty(aws, [{ on: 'put', key: /age\.00001$/, does: 'lose-answer' }])])
  const backup = await spoolBackup(fleet.spool, { targets: ['aws'] })
  await fleet.announce(backup)
  await stored(fleet, 1)
  expectCopy(aws, backup)
  expect(fleet.spool.served.filter((name) => name.endsWith('.00001'))).toHaveLength(1)
})

test.concurrent('a target that hangs delays no other, and gets its copy when it answers again', async () => {
  await using fleet = await startFleet()
  const [aws, gcp] = [memory('aws'), memory('gcp')]
  let hangs = true
  const hanging = wrap(aws, { stat: (key, opts) => (hangs ? new Promise(() => {}) : aws.stat(key, opts)) })
  await fleet.uploader([impatient(hanging, { silenceMs: 300 }), gcp])
  const backup = await spoolBackup(fleet.spool, { targets: ['aws', 'gcp'] })
  await fleet.announce(backup)
  const [first] = await fleet.whenFacts(CopyStored, 1)
  expect(first?.targetId).toBe('gcp')
  hangs = false
  await stored(fleet, 2)
  expectCopy(aws, backup)
})

test.concurrent('a target that was away is filled from another one after the spool let go', async () => {
  await using fleet = await startFleet()
  const [aws, gcp] = [memory('aws'), memory('gcp')]
  let away = true
  const absent = wrap(gcp, {
    stat: (key, opts) => (away ? Promise.reject(unreachable()) : gcp.stat(key, opts)),
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

test.concurrent('two uploaders share the work and send no part twice', async () => {
  await using fleet = await startFleet()
  const aws = memory('aws')
  const senders = new Map<string, string>()
  const begun = { one: Promise.withResolvers<void>(), other: Promise.withResolvers<void>() }
  // Nobody is through with the first before both have one.
  const waiting = (name: keyof typeof begun) =>
    wrap(aws, {
      async put(key, body, opts) {
        if (opts.role === 'part') {
          begun[name].resolve()
          await Promise.all([begun.one.promise, begun.other.promise])
          senders.set(key, name)
        }
        return aws.put(key, body, opts)
      },
    })
  await fleet.uploader([waiting('one')], { concurrency: 2 })
  await fleet.uploader([waiting('other')], { concurrency: 2 })
  const backup = await spoolBackup(fleet.spool, { targets: ['aws'], parts: 24, partBytes: 1000 })
  await fleet.announce(backup)
  await stored(fleet, 1)
  expectCopy(aws, backup)
  expect(new Set(senders.values())).toEqual(new Set(['one', 'other']))
  expect(fleet.spool.served.filter((name) => name.includes('.age.'))).toHaveLength(24)
})

test.concurrent('NATS restarted in the middle of the work loses no part', async () => {
  await using fleet = await startFleet()
  const aws = memory('aws')
  const slow = wrap(aws, {
    async put(key, body, opts) {
      await new Promise((later) => setTimeout(later, 100))
      return aws.put(key, body, opts)
    },
  })
  await fleet.uploader([slow], { concurrency: 1 })
  const backup = await spoolBackup(fleet.spool, { targets: ['aws'], parts: 10, partBytes: 1000 })
  await fleet.announce(backup)
  await until(
    () => aws.objects.size,
    (size) => size >= 3,
  )
  await fleet.nats.restart({ signal: 'SIGKILL' })
  await until(
    () => fleet.facts(CopyStored).catch(() => []),
    (facts) => facts.length === 1,
  )
  expectCopy(aws, backup)
})

function memory(id: string): MemoryTarget {
  return openMemory(id as TargetId)
}

function stored(fleet: Fleet, copies: number) {
  return until(
    () => fleet.facts(CopyStored),
    (facts) => facts.length === copies,
  )
}

function expectCopy(target: MemoryTarget, backup: SpooledBackup): void {
  for (const [key, bytes] of backup.copy) expect(target.objects.get(key)?.equals(bytes), key).toBe(true)
}

function spoil(fleet: Fleet, backup: SpooledBackup, no: number): void {
  const name = backup.keyOfPart(no).split('/').slice(2).join('/')
  const bytes = Buffer.from(fleet.spool.files.get(name) as Buffer)
  bytes[7] = (bytes[7] ?? 0) ^ 1
  fleet.spool.files.set(name, bytes)
}

function unreachable(): Error {
  return new LifeboatError('TARGET_UNREACHABLE')
}
