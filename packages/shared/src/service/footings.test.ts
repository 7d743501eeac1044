import { afterEach, expect, test, vi } from 'vitest'
import type { Footing } from '../domain/footing.ts'
import { LifeboatError } from '../errors/lifeboat-error.ts'
import { silentLogger } from '../log/logger.ts'
import { turns } from '../run/turns.ts'
import { Footings } from './footings.ts'

/** Whatever is waited for passes at once. */
const passing: { pause: (ms: number, signal: AbortSignal) => void | Promise<void> } = { pause() {} }
const newFootings = () => new Footings(async (ms, signal) => passing.pause(ms, signal))

afterEach(() => {
  vi.useRealTimers()
  passing.pause = () => {}
})

test('what does not hold is told with its error until it holds again, and is looked at sooner meanwhile', async () => {
  const footings = newFootings()
  const stop = new AbortController()
  const told: (string | undefined)[] = []
  const answers = [undefined, new LifeboatError('TARGET_FULL', { targetId: 'nas' }), undefined]
  const look = async () => {
    told.push(footings.all()[0]?.error?.code)
    const err = answers.shift()
    if (answers.length === 0) stop.abort()
    if (err) throw err
  }
  await footings.keepLooking({ part: 'target', name: 'nas' }, look, {
    everyMs: 5,
    log: silentLogger,
    signal: stop.signal,
  })
  expect(told).toEqual([undefined, undefined, 'TARGET_FULL'])
  expect(footings.all()).toMatchObject([{ part: 'target', name: 'nas', error: { facts: { targetId: 'nas' } } }])
})

test('where a login was refused it is looked at no sooner than where all is well, for wrong logins lock accounts', async () => {
  const refused = [new LifeboatError('SOURCE_AUTH_REFUSED'), new LifeboatError('ALERT_NOT_SENT', { responseCode: 535 })]
  for (const err of refused) expect((await lookedAt([err]))[0]?.pauseMs).toBe(60_000)
  const away = [{ responseCode: 421 }, {}].map((facts) => new LifeboatError('ALERT_NOT_SENT', facts))
  for (const err of [...away, new LifeboatError('SOURCE_UNREACHABLE')])
    expect((await lookedAt([err]))[0]?.pauseMs).toBe(15_000)
  expect((await lookedAt([undefined]))[0]?.pauseMs).toBe(60_000)
})

test('what did not hold is looked at at once when something came through that needs it, and what holds is let be', async () => {
  const footings = newFootings()
  const stop = new AbortController()
  const answers = [undefined, new LifeboatError('SOURCE_AUTH_REFUSED'), undefined]
  const found: (string | undefined)[] = []
  passing.pause = (_ms, signal) => {
    found.push(footings.all()[0]?.error?.code)
    const ended = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
    footings.lookNow({ part: 'source', name: 'records' })
    if (answers.length === 0) stop.abort()
    // The usual time passes.
    return found.length === 1 ? undefined : ended
  }
  const look = async () => {
    const err = answers.shift()
    if (err) throw err
  }
  const how = { everyMs: 300_000, log: silentLogger, signal: stop.signal }
  await footings.keepLooking({ part: 'source', name: 'records' }, look, how)
  expect(found).toEqual([undefined, 'SOURCE_AUTH_REFUSED', undefined])
})

test('what came through while it was looked at is not forgotten: where that look is refused still, another follows at once', async () => {
  const footings = newFootings()
  const stop = new AbortController()
  const refused = new LifeboatError('SOURCE_AUTH_REFUSED')
  const answers = [refused, refused, undefined]
  const pauses: (string | undefined)[] = []
  passing.pause = () => {
    pauses.push(footings.all()[0]?.error?.code)
    if (answers.length === 0) stop.abort()
  }
  const look = async () => {
    const err = answers.shift()
    // The password is mended while the second look is on its way with the wrong one.
    if (answers.length === 1) footings.lookNow({ part: 'source', name: 'records' })
    if (err) throw err
  }
  const how = { everyMs: 300_000, log: silentLogger, signal: stop.signal }
  await footings.keepLooking({ part: 'source', name: 'records' }, look, how)
  expect(pauses).toEqual(['SOURCE_AUTH_REFUSED', undefined])
})

test('one word that something came through is good for one look', async () => {
  const footings = newFootings()
  const stop = new AbortController()
  let looks = 0
  passing.pause = () => {
    if (looks > 1) stop.abort()
  }
  const look = async () => {
    looks += 1
    if (looks === 2) footings.lookNow({ part: 'source', name: 'records' })
    throw new LifeboatError('SOURCE_AUTH_REFUSED')
  }
  const how = { everyMs: 300_000, log: silentLogger, signal: stop.signal }
  await footings.keepLooking({ part: 'source', name: 'records' }, look, how)
  expect(looks).toBe(3)
})

test('what holds is not looked at before it is due, whatever comes through', async () => {
  const footings = newFootings()
  const stop = new AbortController()
  let isCut = false
  passing.pause = (_ms, signal) => {
    footings.lookNow({ part: 'mail', name: 'smtp' })
    isCut = signal.aborted
    stop.abort()
  }
  await footings.keepLooking({ part: 'mail', name: 'smtp' }, async () => {}, {
    ...{ everyMs: 60_000, log: silentLogger, signal: stop.signal },
  })
  expect(isCut).toBe(false)
})

test('those that share a turn are never looked at beside each other, in no round, however long one look takes', async () => {
  const footings = newFootings()
  const stop = new AbortController()
  const names = ['one', 'two', 'three']
  const begun: string[] = []
  let atOnce = 0
  let most = 0
  const how = { everyMs: 60_000, turns: turns(1), log: silentLogger, signal: stop.signal }
  const looking = names.map((name) =>
    footings.keepLooking(
      { part: 'source', name },
      async () => {
        begun.push(name)
        most = Math.max(most, ++atOnce)
        await new Promise((resolve) => setImmediate(resolve))
        atOnce -= 1
        if (begun.length === 9) stop.abort()
      },
      how,
    ),
  )
  await Promise.all(looking)
  expect(most).toBe(1)
  expect(begun).toEqual([...names, ...names, ...names])
})

test('nobody keeps the turn between two looks', async () => {
  const stop = new AbortController()
  const shared = turns(1)
  const free: boolean[] = []
  passing.pause = () => {
    free.push(shared.free)
    stop.abort()
  }
  const how = { everyMs: 60_000, turns: shared, log: silentLogger, signal: stop.signal }
  await newFootings().keepLooking({ part: 'source', name: 'records' }, async () => {}, how)
  expect(free).toEqual([true])
})

test('a look that hangs lets the others have their turn, and a stop waits for nobody’s', async () => {
  vi.useFakeTimers({ now: 0, toFake: ['setTimeout', 'clearTimeout', 'Date'] })
  const footings = newFootings()
  const stop = new AbortController()
  const how = { everyMs: 60_000, turns: turns(1), log: silentLogger, signal: stop.signal }
  void footings.keepLooking({ part: 'source', name: 'dead' }, () => new Promise(() => {}), how)
  const seen = Promise.withResolvers<number>()
  const look = async () => seen.resolve(Date.now())
  passing.pause = () => new Promise(() => {})
  void footings.keepLooking({ part: 'source', name: 'records' }, look, how)
  const waiting = { ...how, turns: turns(0) }
  const third = footings.keepLooking(
    { part: 'source', name: 'other' },
    () => Promise.reject(new Error('begun')),
    waiting,
  )
  await vi.advanceTimersByTimeAsync(119_000)
  expect(footings.all()).toEqual([])
  await vi.advanceTimersByTimeAsync(1_000)
  expect(await seen.promise).toBe(120_000)
  stop.abort()
  await third
  expect(footings.all().map(({ name }) => name)).toEqual(['dead', 'records'])
})

test('since when it is so stays until it changes', async () => {
  const refused = new LifeboatError('SOURCE_AUTH_REFUSED')
  const found = await lookedAt([undefined, undefined, refused, refused, undefined])
  expect(found.map(({ at, since }) => [at, since])).toEqual([
    [0, 0],
    [60_000, 0],
    [120_000, 120_000],
    [180_000, 120_000],
    [240_000, 240_000],
  ])
})

test('a look that hangs is told of as long as it does, and no second one is begun beside it', async () => {
  vi.useFakeTimers({ now: 0, toFake: ['setTimeout', 'clearTimeout', 'Date'] })
  const footings = newFootings()
  const stop = new AbortController()
  const mount = Promise.withResolvers<void>()
  let looks = 0
  const look = () => {
    looks += 1
    return mount.promise
  }
  passing.pause = () => stop.abort()
  const how = { everyMs: 60_000, log: silentLogger, signal: stop.signal }
  const looking = footings.keepLooking({ part: 'source', name: 'scans' }, look, how)
  await vi.advanceTimersByTimeAsync(20 * 60_000)
  const [hanging] = footings.all()
  expect(hanging).toMatchObject({ error: { code: 'FOOTING_HANGS' }, since: '1970-01-01T00:02:00.000Z' })
  expect(Date.parse(hanging?.at ?? '')).toBe(20 * 60_000)
  expect(looks).toBe(1)
  mount.resolve()
  await looking
  expect(footings.all()[0]?.error).toBeUndefined()
})

/** What is told after each look, seconds of waiting passing at once. */
async function lookedAt(answers: readonly (LifeboatError | undefined)[]) {
  vi.useFakeTimers({ now: 0, toFake: ['Date'] })
  const footings = newFootings()
  const stop = new AbortController()
  const found: { at: number; since: number; pauseMs: number }[] = []
  passing.pause = (pauseMs) => {
    const { at, since } = footings.all()[0] as Footing
    found.push({ at: Date.parse(at), since: Date.parse(since), pauseMs })
    vi.setSystemTime(Date.now() + pauseMs)
    if (found.length === answers.length) stop.abort()
  }
  const look = async () => {
    const err = answers[found.length]
    if (err) throw err
  }
  const how = { everyMs: 60_000, log: silentLogger, signal: stop.signal }
  await footings.keepLooking({ part: 'mail', name: 'smtp' }, look, how)
  return found
}

test('it is logged when it begins and when it ends, not at each look', async () => {
  const events: string[] = []
  const note = ({ event }: { event: string }) => void events.push(event)
  const log = { ...silentLogger, info: note, warn: note, error: note } as unknown as typeof silentLogger
  const stop = new AbortController()
  const refused = new LifeboatError('SOURCE_AUTH_REFUSED')
  const answers = [undefined, refused, refused, new LifeboatError('SOURCE_UNREACHABLE'), undefined, undefined]
  const look = async () => {
    const err = answers.shift()
    if (answers.length === 0) stop.abort()
    if (err) throw err
  }
  await newFootings().keepLooking({ part: 'source', name: 'records' }, look, { everyMs: 1, log, signal: stop.signal })
  expect(events).toEqual(['footing.lost', 'footing.lost', 'footing.regained'])
})
