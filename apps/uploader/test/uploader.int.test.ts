import { BackupSealed } from '@lifeboat/shared/bus/messages/backup.ts'
import { CopyStored } from '@lifeboat/shared/bus/messages/copy.ts'
import { PartSealed, PartStored } from '@lifeboat/shared/bus/messages/part.ts'
import { FLEET_KEY } from '@lifeboat/shared/domain/keys.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { faulty } from '@lifeboat/storage/layers/faulty.ts'
import { impatient } from '@lifeboat/storage/layers/impatient.ts'
import { wrap } from '@lifeboat/storage/layers/wrap.ts'
import { until } from '@lifeboat/testkit/eventually.ts'
import { expect, test } from 'vitest'
import type { Lane } from '../src/deps.ts'
import { storePart } from '../src/handlers/store-part.ts'
import { spoolBackup } from './support/backup.ts'
import { expectCopy, memory, stored } from './support/copies.ts'
import { startFleet } from './support/fleet.ts'

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
