import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { moment, type TargetId } from './ids.ts'
import { formatLsn, parseLsn, segmentAt, type WalObject, type WalState } from './wal.ts'
import { type AuditedRange, auditWal, type WalQuestion } from './wal-audit.ts'

const MIB = 1 << 20
const NOW = Date.UTC(2026, 8, 26, 12)
const [aws, gcp] = ['aws', 'gcp'] as [TargetId, TargetId]

const digest = (text: string) => text.padEnd(16, '0')
const segment = (timeline: number, no: number, content = 'aa'): WalObject => ({
  kind: 'segment',
  segment: segmentAt(timeline, BigInt(no * MIB), MIB),
  digest: digest(content),
})
const piece = (timeline: number, no: number, from: number, to: number, content = 'bb'): WalObject => ({
  kind: 'piece',
  segment: segmentAt(timeline, BigInt(no * MIB), MIB),
  ...{ from, to, digest: digest(content) },
})
const history = (timeline: number): WalObject => ({ kind: 'history', timeline, digest: digest('dd') })
const lsn = (bytes: number) => formatLsn(BigInt(bytes))
const segments = (timeline: number, from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => segment(timeline, from + i))

function state(over: {
  safe: number
  server?: number
  aws?: number
  gcp?: number
  timeline?: number
  agoMs?: number
}): WalState {
  const at = moment(NOW - (over.agoMs ?? 1000))
  return {
    timeline: over.timeline ?? 1,
    serverLsn: lsn(over.server ?? over.safe),
    safe: { lsn: lsn(over.safe), at },
    targets: { aws: { lsn: lsn(over.aws ?? over.safe), at }, gcp: { lsn: lsn(over.gcp ?? over.safe), at } },
  } as unknown as WalState
}

function ask(over: Partial<WalQuestion> & { objects: WalObject[]; others?: WalQuestion['others'] }) {
  const { objects, ...rest } = over
  const question = {
    others: [],
    segmentBytes: MIB,
    branches: [],
    bases: [],
    holes: [],
    flushEveryMs: 10_000,
    graceMs: 30_000,
    nowMs: NOW,
  }
  return auditWal({ ...question, target: { targetId: aws, objects }, ...rest })
}

const said = (ranges: readonly AuditedRange[] = []) =>
  ranges.map(({ status, start, end, late, at }) =>
    [status, start, end, ...(late ? ['late'] : []), ...(at ?? [])].join(' '),
  )

describe('an archive that holds everything the server has written is whole', () => {
  test('of segments alone', () => {
    const audit = ask({ objects: segments(1, 1, 5), state: state({ safe: 5 * MIB }) })
    expect(audit).toMatchObject({ verdict: 'whole', timelines: [{ timeline: 1, needed: true }] })
    expect(said(audit.timelines[0]?.ranges)).toEqual(['present 0/100000 0/500000'])
  })

  test('of a segment that is there in pieces', () => {
    const objects = [segment(1, 1), piece(1, 2, 0, 4096), piece(1, 2, 4096, 9000)]
    expect(said(ask({ objects, state: state({ safe: 2 * MIB + 9000 }) }).timelines[0]?.ranges)).toEqual([
      'present 0/100000 0/202328',
    ])
  })

  test('when what is older than every base is gone', () => {
    const audit = ask({
      objects: segments(1, 3, 5),
      state: state({ safe: 5 * MIB }),
      bases: [{ timeline: 1, lsn: BigInt(3 * MIB + 100) }],
    })
    expect(audit.verdict).toBe('whole')
    expect(said(audit.timelines[0]?.ranges)).toEqual(['present 0/300064 0/500000'])
  })
})

describe('what is not there', () => {
  test('is delayed while the server has it, and late once the flush timer and its grace have passed', () => {
    const objects = segments(1, 1, 3)
    const fresh = ask({ objects, state: state({ safe: 3 * MIB, server: 3 * MIB + 500 }) })
    expect(fresh.verdict).toBe('whole')
    expect(said(fresh.timelines[0]?.ranges)).toEqual(['present 0/100000 0/300000', 'delayed 0/300000 0/3001F4'])
    const old = ask({ objects, state: state({ safe: 3 * MIB, server: 3 * MIB + 500, agoMs: 40_001 }) })
    expect(old.verdict).toBe('behind')
    expect(said(old.timelines[0]?.ranges)[1]).toBe('delayed 0/300000 0/3001F4 late')
  })

  test('is uploading while other targets have it and this one has not confirmed it', () => {
    const audit = ask({
      objects: segments(1, 1, 3),
      others: [{ targetId: gcp, objects: segments(1, 1, 4) }],
      state: state({ safe: 4 * MIB, aws: 3 * MIB }),
    })
    expect(said(audit.timelines[0]?.ranges)).toEqual(['present 0/100000 0/300000', 'uploading 0/300000 0/400000 gcp'])
    expect(audit.verdict).toBe('whole')
  })

  test('is missing when this target had confirmed it and others still have it', () => {
    const objects = segments(1, 1, 5).toSpliced(1, 1)
    const others = [{ targetId: gcp, objects: segments(1, 1, 5) }]
    const audit = ask({ objects, others, state: state({ safe: 5 * MIB }) })
    expect(audit.verdict).toBe('missing')
    expect(said(audit.timelines[0]?.ranges)[1]).toBe('missing 0/200000 0/300000 gcp')
  })

  test('is believed to be at a target nobody listed when the agent was told so', () => {
    const objects = segments(1, 1, 5).toSpliced(1, 1)
    expect(said(ask({ objects, state: state({ safe: 5 * MIB }) }).timelines[0]?.ranges)[1]).toBe(
      'missing 0/200000 0/300000 gcp',
    )
  })

  test('is lost when nobody has it', () => {
    const objects = segments(1, 1, 5).toSpliced(1, 1)
    const audit = ask({ objects, others: [{ targetId: gcp, objects }], state: state({ safe: 5 * MIB }) })
    expect(audit.verdict).toBe('lost')
    expect(said(audit.timelines[0]?.ranges)[1]).toBe('lost 0/200000 0/300000')
  })

  test('is lost and bridged when a base ended behind it: newer moments are not out of reach', () => {
    const objects = segments(1, 1, 5).toSpliced(1, 1)
    const at = (segmentNo: number) => ({ timeline: 1, lsn: BigInt(segmentNo * MIB) })
    const bridged = ask({ objects, state: state({ safe: 5 * MIB, gcp: 0 }), bases: [at(1), at(3)] })
    expect(bridged.verdict).toBe('whole')
    expect(bridged.timelines[0]?.ranges[1]).toMatchObject({ status: 'lost', bridged: true })
    expect(ask({ objects, state: state({ safe: 5 * MIB, gcp: 0 }), bases: [at(1)] }).verdict).toBe('lost')
  })

  test('is lost although the agent has forgotten the hole and counts every target as behind it', () => {
    const objects = segments(1, 1, 5).toSpliced(1, 1)
    const holes = [{ from: lsn(2 * MIB), to: lsn(3 * MIB) }]
    expect(ask({ objects, holes, state: state({ safe: 5 * MIB }) }).timelines[0]?.ranges[1]?.status).toBe('lost')
  })

  test('is not asked for by a base that was taken on an abandoned timeline', () => {
    const bases = [
      { timeline: 1, lsn: BigInt(3 * MIB) },
      { timeline: 2, lsn: BigInt(3 * MIB) },
    ]
    const branches = [{ timeline: 2, parent: 1, at: BigInt(2 * MIB) }]
    const audit = ask({ objects: segments(2, 3, 4), branches, bases, state: state({ safe: 4 * MIB, timeline: 2 }) })
    expect(said(audit.timelines[0]?.ranges)).toEqual(['present 0/300000 0/400000'])
  })

  test('is lost without any state too: a bucket alone can be audited', () => {
    const audit = ask({ objects: [...segments(1, 1, 3), ...segments(1, 4, 6)] })
    expect(said(audit.timelines[0]?.ranges)).toEqual([
      'present 0/100000 0/300000',
      'lost 0/300000 0/400000',
      'present 0/400000 0/600000',
    ])
  })

  test('is lost when the slot was given up, although the server has not got so far yet as to forget it', () => {
    const lost = { from: lsn(3 * MIB), to: lsn(4 * MIB), timeline: 1, since: moment(NOW), reason: 'slot dropped' }
    const audit = ask({
      objects: [...segments(1, 1, 3), segment(1, 4)],
      state: { ...state({ safe: 3 * MIB, server: 5 * MIB }), lost } as WalState,
    })
    expect(said(audit.timelines[0]?.ranges)[1]).toBe('lost 0/300000 0/400000')
  })
})

describe('timelines', () => {
  const branch = { timeline: 2, parent: 1, at: BigInt(3 * MIB + 5000) }

  test('each is needed up to where the next one left it, also in the middle of a segment', () => {
    const wal = [...segments(1, 1, 3), piece(1, 3, 0, 5000), piece(2, 3, 5000, MIB), ...segments(2, 4, 6)]
    const objects = [...wal, history(2)]
    for (const branches of [[branch], []]) {
      const audit = ask({ objects, branches, state: state({ safe: 6 * MIB, timeline: 2 }) })
      expect(audit.verdict).toBe('whole')
      expect(audit.timelines.map(({ ranges }) => said(ranges))).toEqual([
        ['present 0/100000 0/301388'],
        ['present 0/301388 0/600000'],
      ])
    }
  })

  test('WAL that was written on the old one up to the switch and never shipped is lost', () => {
    const objects = [...segments(1, 1, 3), piece(2, 3, 5000, MIB), ...segments(2, 4, 6)]
    const audit = ask({ objects, branches: [branch], state: state({ safe: 6 * MIB, timeline: 2, gcp: 0 }) })
    expect(audit.timelines.map(({ ranges }) => said(ranges))[0]).toEqual([
      'present 0/100000 0/300000',
      'lost 0/300000 0/301388',
    ])
  })

  test('what an abandoned one wrote after the switch is told and not asked for', () => {
    const objects = [...segments(1, 1, 4), segment(1, 6), piece(2, 3, 5000, MIB), history(2)]
    const audit = ask({ objects, branches: [{ ...branch }], state: state({ safe: 4 * MIB, timeline: 2 }) })
    expect(audit.verdict).toBe('whole')
    const other = ask({
      objects: [...objects, segment(3, 3)],
      branches: [branch, { timeline: 3, parent: 1, at: BigInt(3 * MIB) }],
      state: state({ safe: 4 * MIB, timeline: 3 }),
    })
    expect(other.timelines.map(({ timeline, needed }) => [timeline, needed])).toEqual([
      [1, true],
      [2, false],
      [3, true],
    ])
  })

  describe('their histories', () => {
    const wal = [...segments(1, 1, 3), piece(1, 3, 0, 5000), piece(2, 3, 5000, MIB), ...segments(2, 4, 6)]
    const there = [...wal, history(2)]
    const old = { timeline: 1, lsn: BigInt(MIB) }
    const at = (safe: number, own = safe) => state({ safe: safe * MIB, server: 6 * MIB, aws: own * MIB, timeline: 2 })
    const before = 3
    test.each<[string, Partial<WalQuestion> & { objects: WalObject[] }, unknown, string]>([
      ['is told where it is there', { objects: there, state: at(6) }, { status: 'present' }, 'whole'],
      [
        'is missing where a target came past it and another has it',
        { objects: wal, others: [{ targetId: gcp, objects: there }], state: at(6) },
        { status: 'missing', at: [gcp] },
        'missing',
      ],
      [
        'is on its way where the target did not come past it yet',
        { objects: wal, others: [{ targetId: gcp, objects: there }], state: at(6, before) },
        { status: 'uploading', at: [gcp] },
        'whole',
      ],
      [
        'comes from the server as long as nothing behind it is safe',
        { objects: wal, state: at(before) },
        { status: 'delayed' },
        'whole',
      ],
      ['is lost where nobody has it', { objects: wal, state: at(6) }, { status: 'lost' }, 'lost'],
      ['is lost in a bucket that is audited alone', { objects: wal }, { status: 'lost' }, 'lost'],
      [
        'is no more than a hole in older moments when a base ended behind it',
        { objects: wal, state: at(6), bases: [old, { timeline: 2, lsn: BigInt(5 * MIB) }] },
        { status: 'lost', bridged: true },
        'whole',
      ],
      [
        'is nobody’s need where recovery begins on it',
        { objects: wal, state: at(6), bases: [{ timeline: 2, lsn: BigInt(4 * MIB) }] },
        undefined,
        'whole',
      ],
    ])('one %s', (_, question, expected, verdict) => {
      const audit = ask({ branches: [branch], ...question })
      expect([audit.timelines.find(({ timeline }) => timeline === 2)?.history, audit.verdict]).toEqual([
        expected,
        verdict,
      ])
      expect(audit.timelines.find(({ timeline }) => timeline === 1)?.history).toBeUndefined()
    })

    test('one of a timeline that was left is told where it is there, and never missed', () => {
      const objects = [...wal, history(2), history(3)]
      const told = ask({ objects, branches: [branch], state: at(6) })
      expect(told.timelines[2]).toEqual({
        ...{ timeline: 3, needed: false, history: { status: 'present' }, ranges: [], conflicts: [] },
      })
      const others = [{ targetId: gcp, objects }]
      expect(ask({ objects: there, others, branches: [branch], state: at(6) }).timelines).toHaveLength(2)
    })
  })

  test('a base on the newer one needs nothing of the older', () => {
    const objects = segments(2, 4, 6)
    const bases = [{ timeline: 2, lsn: BigInt(4 * MIB) }]
    expect(ask({ objects, branches: [branch], bases, state: state({ safe: 6 * MIB, timeline: 2 }) })).toMatchObject({
      verdict: 'whole',
      timelines: [{ timeline: 2 }],
    })
  })
})

test('two contents of one segment are a conflict, and encrypting the same one twice is none', () => {
  const twice = [segment(1, 1), segment(1, 1, 'cc'), piece(1, 2, 0, 9), piece(1, 2, 0, 9)]
  const audit = ask({ objects: twice, state: state({ safe: 2 * MIB + 9 }) })
  expect(audit.verdict).toBe('missing')
  expect(audit.timelines[0]?.conflicts).toEqual([
    { object: segmentAt(1, BigInt(MIB), MIB), digests: [digest('aa'), digest('cc')] },
  ])
})

describe('whatever was dropped wherever', () => {
  const UNIT = MIB / 4
  const SEGMENTS = 6
  const objectsOf = (cuts: boolean[]) =>
    cuts.flatMap((inPieces, no) =>
      inPieces ? [0, 1, 2, 3].map((quarter) => piece(1, no, quarter * UNIT, (quarter + 1) * UNIT)) : [segment(1, no)],
    )
  const archive = fc.array(fc.boolean(), { minLength: SEGMENTS, maxLength: SEGMENTS })
  const kept = fc.array(fc.boolean(), { minLength: SEGMENTS * 4, maxLength: SEGMENTS * 4 })
  const place = fc.integer({ min: 0, max: SEGMENTS * 4 })

  /** What must be said of each quarter of a segment, worked out one by one. */
  function expected(unit: number, has: (objects: WalObject[]) => boolean, known: Known): string {
    const { own, other, safe, confirmed } = known
    if (has(own)) return 'present'
    if (has(other)) return unit < confirmed ? 'missing' : 'uploading'
    return unit >= safe ? 'delayed' : 'lost'
  }
  interface Known {
    own: WalObject[]
    other: WalObject[]
    safe: number
    confirmed: number
  }

  test('exactly that is reported, as lost only when nobody else has it', () => {
    fc.assert(
      fc.property(archive, kept, kept, place, place, (cuts, keepOwn, keepOther, safe, confirmed) => {
        const all = objectsOf(cuts)
        const own = all.filter((_, i) => keepOwn[i])
        const other = all.filter((_, i) => keepOther[i])
        const now = state({ safe: safe * UNIT, server: SEGMENTS * MIB, aws: confirmed * UNIT })
        const others = [{ targetId: gcp, objects: other }]
        const audit = ask({ objects: own, others, state: now, bases: [{ timeline: 1, lsn: 0n }] })
        const units = (audit.timelines[0]?.ranges ?? []).flatMap(({ status, start, end }) =>
          Array<string>(Number(parseLsn(end) - parseLsn(start)) / UNIT).fill(status),
        )
        const holds = (unit: number) => (objects: WalObject[]) => {
          const name = segmentAt(1, BigInt(unit * UNIT), MIB)
          return objects.some(
            (object) =>
              object.kind !== 'history' &&
              object.segment === name &&
              (object.kind === 'segment' || object.from === (unit % 4) * UNIT),
          )
        }
        const known = { own, other, safe, confirmed }
        expect(units).toEqual(Array.from({ length: SEGMENTS * 4 }, (_, unit) => expected(unit, holds(unit), known)))
      }),
      { numRuns: 300 },
    )
  })
})

test('what a target let go of is neither lost nor missing there; what is gone beyond is', () => {
  const kept = { objects: segments(1, 3, 5), state: state({ safe: 5 * MIB }), bases: [{ timeline: 1, lsn: 0n }] }
  const nothing = [{ targetId: gcp, objects: [] }]
  const letGo = (no: number, timeline = 1) => [{ timeline, lsn: lsn(no * MIB) }]
  const of = (over: Partial<WalQuestion>) => {
    const { verdict, timelines } = ask({ ...kept, others: nothing, ...over })
    return [verdict, ...said(timelines[0]?.ranges)]
  }
  expect(of({})).toEqual(['lost', 'lost 0/0 0/300000', 'present 0/300000 0/500000'])
  expect(of({ letGo: letGo(3) })).toEqual(['whole', 'present 0/300000 0/500000'])
  expect(of({ letGo: letGo(3, 2) })).toEqual(['whole', 'present 0/300000 0/500000'])
  expect(of({ letGo: letGo(2) })).toEqual(['lost', 'lost 0/200000 0/300000', 'present 0/300000 0/500000'])
  const others = [{ targetId: gcp, objects: segments(1, 0, 5) }]
  expect(of({ letGo: letGo(3), others })).toEqual(['whole', 'present 0/300000 0/500000'])
  expect(of({ letGo: letGo(2), others })[0]).toBe('missing')
})

test('what was let go of an older timeline says nothing of a newer one', () => {
  const { verdict } = ask({
    objects: segments(2, 3, 5),
    others: [{ targetId: gcp, objects: [] }],
    state: state({ safe: 5 * MIB, timeline: 2 }),
    bases: [{ timeline: 2, lsn: 0n }],
    letGo: [{ timeline: 1, lsn: lsn(3 * MIB) }],
  })
  expect(verdict).toBe('lost')
})
