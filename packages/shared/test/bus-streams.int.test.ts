import { startNats } from '@lifeboat/testkit/nats.ts'
import { nanos } from '@nats-io/nats-core'
import { describe, expect, test } from 'vitest'
import { PartStored } from '../src/bus/messages/part.ts'
import { RestoreAudited } from '../src/bus/messages/restore.ts'
import { connectBus } from '../src/bus/nats-bus.ts'
import { Secret } from '../src/config/secret.ts'
import { type AgentId, moment, type RestoreId } from '../src/domain/ids.ts'
import { silentLogger } from '../src/log/logger.ts'
import { aPart, collector, connectAgain, parts, waiting, worldPerTest } from './bus-world.ts'

const at = worldPerTest()

describe('connecting', () => {
  test('brings drifted streams and durables back to their settings, and keeps what they hold', async () => {
    await at.world.bus.consume(parts, async () => {}, { signal: at.stop.signal })
    await at.world.bus.publish(PartStored, aPart(1))
    at.stop.abort()
    const before = (await at.world.jsm.streams.info('LIFEBOAT_FACTS')).config
    await at.world.jsm.streams.update('LIFEBOAT_FACTS', {
      ...before,
      max_age: nanos(3 * 3_600_000),
      max_msg_size: 500_000,
    })
    await at.world.jsm.consumers.update('LIFEBOAT_FACTS', 'parts', { ack_wait: nanos(5_000), max_ack_pending: 7 })
    await using bus = await connectAgain(at)
    await bus.consume(parts, async () => {}, { signal: AbortSignal.timeout(10) })
    const stream = await at.world.jsm.streams.info('LIFEBOAT_FACTS')
    expect(stream.config.max_age).toBe(before.max_age)
    expect(stream.config.max_msg_size).toBe(500_000)
    expect(stream.state.messages).toBe(1)
    const { config } = await at.world.jsm.consumers.info('LIFEBOAT_FACTS', 'parts')
    expect(config).toMatchObject({ ack_wait: nanos(30_000), max_ack_pending: 50_000 })
  })

  test('says so when a stream of that name cannot be what it must be', async () => {
    await at.world.jsm.streams.delete('LIFEBOAT_WISHES')
    await at.world.jsm.streams.add({ name: 'LIFEBOAT_WISHES', subjects: ['lifeboat.wish.>'] })
    await expect(connectAgain(at)).rejects.toMatchObject({
      code: 'BUS_SETTINGS_REFUSED',
      facts: { stream: 'LIFEBOAT_WISHES' },
    })
  })

  test('is refused with a code of its own when the password is wrong', async () => {
    await using locked = await startNats({ args: ['--user', 'lifeboat', '--pass', 'right'] })
    const connection = (password: string) =>
      connectBus({
        servers: [locked.url],
        user: 'lifeboat',
        password: new Secret(password),
        name: 't',
        log: silentLogger,
      })
    await expect(connection('wrong')).rejects.toMatchObject({ code: 'BUS_AUTH_REFUSED' })
    await using bus = await connection('right')
    expect(await bus.ping()).toBeGreaterThan(0)
  })

  test('gives up with a code when no server answers within its patience', async () => {
    const connection = connectBus({ servers: ['nats://127.0.0.1:1'], name: 't', log: silentLogger, patienceMs: 100 })
    await expect(connection).rejects.toMatchObject({ code: 'BUS_UNREACHABLE' })
  })

  test('recreates durable and stream when the server lost everything', async () => {
    const { got, handle } = collector()
    await at.world.bus.consume(parts, handle, { signal: at.stop.signal })
    await expect.poll(async () => (await at.world.jsm.consumers.info('LIFEBOAT_FACTS', 'parts')).num_waiting).toBe(1)
    await at.world.jsm.streams.delete('LIFEBOAT_FACTS')
    await expect.poll(() => at.world.jsm.consumers.info('LIFEBOAT_FACTS', 'parts').catch(() => undefined)).toBeDefined()
    await at.world.bus.publish(PartStored, aPart(1))
    await expect.poll(() => got).toEqual([1])
  })
})

test('the audit refuses to forget: nobody who asks the server can change or remove what is in it', async () => {
  await at.world.bus.publish(RestoreAudited, {
    ...{ restoreId: '20261128T020000Z-restore-k3f9qa' as RestoreId, agentId: 'db1' as AgentId, event: 'refused' },
    ...{ at: moment(Date.now()), who: [] },
  })
  await expect(at.world.jsm.streams.purge('LIFEBOAT_AUDIT')).rejects.toThrow(/not permitted/)
  await expect(at.world.jsm.streams.deleteMessage('LIFEBOAT_AUDIT', 1)).rejects.toThrow(/not permitted/)
  await expect(at.world.jsm.streams.update('LIFEBOAT_AUDIT', { deny_delete: false })).rejects.toThrow()
  expect(await waiting(at, 'LIFEBOAT_AUDIT')).toBe(1)
})
