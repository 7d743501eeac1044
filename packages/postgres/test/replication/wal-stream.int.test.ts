import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { streamWal, type WalEvent, type WalStream } from '@lifeboat/postgres/replication/wal-stream.ts'
import { parseLsn, segmentAt } from '@lifeboat/shared/domain/wal.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { startPostgres, type TestPostgres } from '@lifeboat/testkit/postgres.ts'
import { expect, test, vi } from 'vitest'
import { fill, never, patient, replicate, someFolder, startWire } from './house.ts'

const SEGMENT = 16 * 1024 ** 2

/** Reads a stream in the background and keeps what came, by segment. */
function collect(stream: WalStream) {
  const segments = new Map<string, Buffer>()
  const turns: Extract<WalEvent, { kind: 'timeline' }>[] = []
  let end = 0n
  const reading = (async () => {
    for await (const event of stream) {
      if (event.kind === 'timeline') turns.push(event)
      if (event.kind !== 'wal') continue
      end = event.startLsn + BigInt(event.data.length)
      for (let at = 0; at < event.data.length; ) {
        const lsn = event.startLsn + BigInt(at)
        const offset = Number(lsn % BigInt(SEGMENT))
        const name = segmentAt(event.timeline, lsn, SEGMENT)
        if (!segments.has(name)) segments.set(name, Buffer.alloc(SEGMENT))
        at += event.data.copy(
          segments.get(name) as Buffer,
          offset,
          at,
          at + Math.min(event.data.length - at, SEGMENT - offset),
        )
      }
    }
  })()
  reading.catch(() => {})
  return { segments, turns, reading, end: () => end }
}

async function insertedLsn(pg: TestPostgres): Promise<bigint> {
  const [{ lsn }] = await pg.query('postgres', 'SELECT pg_current_wal_flush_lsn()::text AS lsn')
  return parseLsn(lsn)
}

test('the WAL that arrives is byte by byte what pg_receivewal writes', async () => {
  await using pg = await startPostgres()
  await using folder = await someFolder()
  await using connection = await replicate(pg)
  const start = await insertedLsn(pg)
  const oracle = spawn(join(pg.binDir, 'pg_receivewal'), [
    '-D',
    folder.path,
    '-h',
    pg.socketDir,
    '-p',
    String(pg.port),
    '-U',
    'postgres',
    '--no-loop',
  ])
  const stop = new AbortController()
  const startLsn = start - (start % BigInt(SEGMENT))
  const got = collect(streamWal(connection, { startLsn, timeline: 1 }, stop.signal))
  try {
    await vi.waitFor(async () => expect((await readdir(folder.path)).length).toBeGreaterThan(0), patient)
    await fill(pg, 't', 40)
    await pg.query('postgres', 'SELECT pg_switch_wal()')
    const end = await insertedLsn(pg)
    await vi.waitFor(() => expect(got.end()).toBeGreaterThanOrEqual(end - (end % BigInt(SEGMENT))), patient)
    await vi.waitFor(async () => expect((await wholeSegments(folder.path)).length).toBeGreaterThanOrEqual(3), patient)
  } finally {
    oracle.kill('SIGINT')
    await once(oracle, 'exit')
    stop.abort(new LifeboatError('SERVICE_STOPPING'))
  }
  await expect(got.reading).rejects.toMatchObject({ code: 'SERVICE_STOPPING' })
  for (const name of await wholeSegments(folder.path))
    expect(got.segments.get(name)?.equals(await readFile(join(folder.path, name))), name).toBe(true)
})

test('the slot keeps exactly the WAL that was not reported as flushed', async () => {
  await using pg = await startPostgres()
  await using connection = await replicate(pg)
  await connection.createPhysicalSlot('kept', { reserveWal: true })
  const startLsn = parseLsn((await connection.readSlot('kept'))?.restartLsn ?? '')
  const stop = new AbortController()
  const stream = streamWal(
    connection,
    { slot: 'kept', startLsn: startLsn - (startLsn % BigInt(SEGMENT)), timeline: 1 },
    stop.signal,
  )
  const got = collect(stream)
  const restart = async () =>
    parseLsn((await pg.query('postgres', 'SELECT restart_lsn::text AS lsn FROM pg_replication_slots'))[0].lsn)
  await pg.query('postgres', 'CREATE TABLE t (id int)')
  const end = await insertedLsn(pg)
  await vi.waitFor(() => expect(got.end()).toBeGreaterThanOrEqual(end), patient)
  expect(await restart()).toBe(startLsn)
  stream.report({ flush: end })
  await vi.waitFor(async () => expect(await restart()).toBe(end), patient)
  stream.report({ flush: startLsn })
  await sleep(200)
  expect(await restart()).toBe(end)
  await using second = await replicate(pg)
  await expect(
    collect(streamWal(second, { slot: 'kept', startLsn, timeline: 1 }, never)).reading,
  ).rejects.toMatchObject({
    code: 'WAL_SLOT_IN_USE',
  })
  stop.abort()
})

test('a commit that waits for us returns when its WAL is reported as flushed, and not before', async () => {
  await using pg = await startPostgres({ settings: { synchronous_standby_names: 'lifeboat_test' } })
  await using connection = await replicate(pg)
  const startLsn = await insertedLsn(pg)
  const stop = new AbortController()
  const stream = streamWal(connection, { startLsn: startLsn - (startLsn % BigInt(SEGMENT)), timeline: 1 }, stop.signal)
  const got = collect(stream)
  stream.report({ flush: startLsn })
  await vi.waitFor(async () => {
    const rows = await pg.query('postgres', "SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'")
    expect(rows).toHaveLength(1)
  }, patient)
  let committed = false
  const commit = pg.query('postgres', 'CREATE TABLE t (id int)').then(() => {
    committed = true
  })
  await vi.waitFor(async () => {
    const ours = "wait_event = 'SyncRep' AND query ~ '^CREATE TABLE'"
    expect(await pg.query('postgres', `SELECT 1 FROM pg_stat_activity WHERE ${ours}`)).toHaveLength(1)
  }, patient)
  const end = await insertedLsn(pg)
  await vi.waitFor(() => expect(got.end()).toBeGreaterThanOrEqual(end), patient)
  stream.report({ write: end })
  await sleep(300)
  expect(committed).toBe(false)
  stream.report({ flush: end })
  await commit
  stop.abort()
})

test('a reader that pauses for longer than wal_sender_timeout keeps its connection and misses nothing', async () => {
  await using pg = await startPostgres({ settings: { wal_sender_timeout: '20s' } })
  await using connection = await replicate(pg)
  const start = await insertedLsn(pg)
  const startLsn = start - (start % BigInt(SEGMENT))
  let expected = startLsn
  let paused = false
  await fill(pg, 't', 60)
  const end = await insertedLsn(pg)
  for await (const event of streamWal(connection, { startLsn, timeline: 1 }, never)) {
    if (event.kind !== 'wal') continue
    expect(event.startLsn).toBe(expected)
    expected += BigInt(event.data.length)
    if (!paused) {
      await sleep(25_000)
      paused = true
      expect(connection.wire.waitingBytes).toBeLessThan(2 * 1024 ** 2)
    }
    if (expected >= end) break
  }
  expect(expected).toBeGreaterThanOrEqual(end)
})

test('a server that falls silent is noticed', async () => {
  await using pg = await startPostgres()
  await using wire = await startWire(pg)
  await using connection = await replicate(pg, wire)
  const opts = { startLsn: await insertedLsn(pg), timeline: 1, statusIntervalMs: 100, silenceMs: 1000 }
  const reading = async () => {
    for await (const _ of streamWal(connection, opts, never)) wire.hush()
  }
  await expect(reading()).rejects.toMatchObject({ code: 'SOURCE_CONNECTION_LOST', facts: { silenceMs: 1000 } })
})

test('an idle server is heard of again and again, with how far its WAL goes', async () => {
  await using pg = await startPostgres()
  await using connection = await replicate(pg)
  const startLsn = await insertedLsn(pg)
  const seen: bigint[] = []
  for await (const event of streamWal(connection, { startLsn, timeline: 1, statusIntervalMs: 100 }, never)) {
    if (event.kind === 'alive') seen.push(event.serverEndLsn)
    if (event.kind === 'alive') expect(Math.abs(event.sentAt - Date.now())).toBeLessThan(60_000)
    if (seen.length === 5) break
  }
  expect(seen.at(-1)).toBeGreaterThanOrEqual(startLsn)
})

test('a promotion in the middle of a segment is followed to the new timeline', async () => {
  await using primary = await startPostgres()
  // No checkpoint behind the promotion may take away what is read in the end.
  await using standby = await startPostgres({ standbyOf: primary, settings: { wal_keep_size: '1GB' } })
  await using connection = await replicate(standby)
  const { xlogpos } = await connection.identifySystem()
  const start = parseLsn(xlogpos)
  const stop = new AbortController()
  const got = collect(streamWal(connection, { startLsn: start - (start % BigInt(SEGMENT)), timeline: 1 }, stop.signal))
  await fill(primary, 't', 20)
  const before = await insertedLsn(primary)
  await vi.waitFor(() => expect(got.end()).toBeGreaterThanOrEqual(before), patient)
  await primary.stop('immediate')
  await standby.query('postgres', 'SELECT pg_promote()')
  await standby.query('postgres', 'CREATE TABLE after_promotion (id int)')
  await fill(standby, 'u', 20)
  await standby.query('postgres', 'SELECT pg_switch_wal()')
  const end = await insertedLsn(standby)
  const lastWhole = end - (end % BigInt(SEGMENT))
  await vi.waitFor(() => expect(got.end()).toBeGreaterThanOrEqual(lastWhole), patient)
  stop.abort()

  const [turn] = got.turns
  const files = join(standby.dataDir, 'pg_wal')
  expect(turn).toMatchObject({ ended: 1, next: 2, history: { filename: '00000002.history' } })
  expect(turn?.history.content.equals(await readFile(join(files, '00000002.history')))).toBe(true)
  expect(turn?.startLsn).toBe((turn?.switchLsn ?? 0n) - ((turn?.switchLsn ?? 0n) % BigInt(SEGMENT)))
  const ofTwo = [...got.segments.keys()].filter(
    (name) => name.startsWith('00000002') && name < segmentAt(2, lastWhole, SEGMENT),
  )
  expect(ofTwo.length).toBeGreaterThan(0)
  for (const name of ofTwo) expect(got.segments.get(name)?.equals(await readFile(join(files, name))), name).toBe(true)

  // Whoever comes late and asks for the old timeline is led the same way.
  await using late = await replicate(standby)
  const again = collect(streamWal(late, { startLsn: turn?.startLsn ?? 0n, timeline: 1 }, never))
  await vi.waitFor(() => expect(again.turns).toHaveLength(1), patient)
  await using atTheEnd = await replicate(standby)
  const atOnce = collect(streamWal(atTheEnd, { startLsn: turn?.switchLsn ?? 0n, timeline: 1 }, never))
  await vi.waitFor(() => expect(atOnce.turns).toHaveLength(1), patient)
})

test('what cannot be streamed is refused with its own code', async () => {
  await using pg = await startPostgres({ settings: { max_replication_slots: '1' } })
  const refusal = async (opts: { startLsn: bigint; timeline: number; slot?: string }) => {
    await using connection = await replicate(pg)
    return await collect(streamWal(connection, opts, AbortSignal.timeout(120_000))).reading.catch(
      (err: LifeboatError) => err.code,
    )
  }
  expect(await refusal({ startLsn: 0x100_0000n, timeline: 1, slot: 'gone' })).toBe('WAL_SLOT_MISSING')
  expect(await refusal({ startLsn: 0x9_0000_0000n, timeline: 1 })).toBe('WAL_START_FOREIGN')
  expect(await refusal({ startLsn: 0x100_0000n, timeline: 7 })).toBe('WAL_START_FOREIGN')
  await fill(pg, 't', 20)
  await pg.query('postgres', 'SELECT pg_switch_wal(); CHECKPOINT')
  await pg.query('postgres', 'CREATE TABLE u (id int); SELECT pg_switch_wal(); CHECKPOINT')
  expect(await refusal({ startLsn: 0x100_0000n, timeline: 1 })).toBe('WAL_REMOVED')
  await using connection = await replicate(pg)
  await connection.createPhysicalSlot('only', { reserveWal: true })
  await expect(connection.createPhysicalSlot('another', { reserveWal: true })).rejects.toMatchObject({
    code: 'WAL_SLOTS_EXHAUSTED',
  })
  await expect(connection.timelineHistory(9)).rejects.toMatchObject({ code: 'WAL_REMOVED' })
})

test('a server that shuts down waits until its last WAL is reported as flushed, asking for it, and then ends the stream', async () => {
  await using pg = await startPostgres()
  await using connection = await replicate(pg)
  const startLsn = await insertedLsn(pg)
  const stream = streamWal(connection, { startLsn, timeline: 1 }, never)
  let stopped: Promise<void> | undefined
  let end = startLsn
  let asked = 0
  const reading = async () => {
    for await (const event of stream) {
      if (event.kind === 'wal') end = event.startLsn + BigInt(event.data.length)
      if (event.kind === 'alive' && event.replyWanted && stopped) asked++
      if (asked >= 3) stream.report({ flush: end })
      stopped ??= pg.stop('fast')
    }
  }
  await expect(reading()).rejects.toMatchObject({ code: 'SOURCE_CONNECTION_LOST' })
  await stopped
  expect(asked).toBeGreaterThanOrEqual(3)
})

async function wholeSegments(folder: string): Promise<string[]> {
  return (await readdir(folder)).filter((name) => /^[0-9A-F]{24}$/.test(name))
}
