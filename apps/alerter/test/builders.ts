import type { TargetSurvey, WalDamage } from '@lifeboat/catalog/audit/buckets.ts'
import type { BackupRow } from '@lifeboat/catalog/catalog.ts'
import type { LockedCopy } from '@lifeboat/catalog/expiry/buckets.ts'
import { moment } from '@lifeboat/shared/domain/ids.ts'
import type { Incident } from '@lifeboat/shared/domain/incident.ts'
import type { LedgerEntry } from '@lifeboat/shared/domain/ledger.ts'
import type { WatchedPlan, WatchedWal, World } from '../src/world.ts'
import { planKey } from '../src/world.ts'

const MINUTE = 60_000

/** `at('26T02:00')`: that day and time in September 2026, milliseconds. */
export function at(text: string): number {
  return Date.parse(`2026-09-${text}:00.000Z`)
}

export function aPlan(over: Partial<Record<keyof WatchedPlan, unknown>> = {}): WatchedPlan {
  return {
    policyId: 'daily',
    sourceId: 'records',
    graceMs: 15 * MINUTE,
    targets: ['alpha', 'beta'],
    size: { min: 1_000_000, medianRatio: 0.5, medianOf: 7 },
    proveWithinMs: 24 * 60 * MINUTE,
    kind: 'dump',
    maxChain: 6,
    ...over,
  } as WatchedPlan
}

/** A run due at `time`; `beganAt` and `endedAt` may be written as `26T02:01`. */
export function aRun(time: string, state: LedgerEntry['state'], over: Record<string, unknown> = {}): LedgerEntry {
  const dueMs = at(time)
  const times = Object.fromEntries(
    Object.entries(over).map(([name, value]) => [
      name,
      /^\d\dT/.test(String(value)) ? moment(at(String(value))) : value,
    ]),
  )
  const begun = !['expected', 'wished', 'missed', 'skipped'].includes(state)
  return {
    runId: `daily.records.202609${time.replace(':', '')}00Z`,
    sourceId: 'records',
    policyId: 'daily',
    kind: 'dump',
    requestedBy: 'schedule',
    state,
    dueAt: moment(dueMs),
    lateAt: moment(dueMs + 15 * MINUTE),
    deadlineAt: moment(dueMs + 375 * MINUTE),
    attempt: begun ? 1 : 0,
    ...(begun ? { beganAt: moment(dueMs + MINUTE) } : {}),
    ...(begun && state !== 'running' ? { endedAt: moment(dueMs + 30 * MINUTE) } : {}),
    ...times,
  } as LedgerEntry
}

export function aBackup(day: number, over: Record<string, unknown> = {}): BackupRow {
  return {
    backupId: `202609${day}T020000Z-dump-aaaaaa`,
    sourceId: 'records',
    policyId: 'daily',
    kind: 'dump',
    state: 'proven',
    startedAt: moment(at(`${day}T02:00`)),
    sealedAt: moment(at(`${day}T02:10`)),
    bytes: 5_000_000,
    rows: 1000,
    copies: { alpha: 'proven', beta: 'stored' },
    ...over,
  } as unknown as BackupRow
}

/** A world in which all is well, but for what the caller says. */
export function aWorld(
  now: string,
  over: Partial<Omit<World, 'runs' | 'backups' | 'nowMs'>> & { runs?: LedgerEntry[]; backups?: BackupRow[] } = {},
): World {
  const { runs = [], backups = [], ...rest } = over
  return {
    nowMs: at(now),
    drills: [],
    watchingSinceMs: at('01T00:00'),
    plans: [aPlan()],
    tables: new Map(),
    drillReasons: new Map(),
    services: [],
    footings: [],
    letters: [],
    objectives: [],
    wal: [],
    physical: new Map(),
    damaged: new Map(),
    identities: [],
    sealedTo: new Map(),
    bad: [],
    ofSets: backups.filter(({ set }) => set !== undefined),
    surveys: [],
    walDamage: [],
    locked: [],
    expiry: undefined,
    expirySchedule: undefined,
    expiryWatch: undefined,
    ...rest,
    runs: Map.groupBy(runs, planKey),
    backups: Map.groupBy(backups, planKey),
  }
}

/** A base or an incremental of `records` that ended at 03:00 of that day, and with it at this place in the log. */
export function aBase(
  day: number,
  over: { physical?: Record<string, unknown> } & Record<string, unknown> = {},
): BackupRow {
  const { physical, kind = 'base', ...rest } = over
  return aBackup(day, {
    backupId: `202609${day}T020000Z-${kind}-aaaaaa`,
    kind,
    policyId: kind === 'base' ? 'weekly' : 'changes',
    rows: null,
    physical: { timeline: 1, startLsn: lsnOf(day, -1), endLsn: lsnOf(day), chain: 0, checksumFailures: 0, ...physical },
    ...rest,
  })
}

/** A look at `beta` that found nothing wrong, but for what the caller says. */
export function aSurvey(time: string, over: Record<string, unknown> = {}): TargetSurvey {
  const since = typeof over.doubtedSince === 'string' && { doubtedSince: moment(at(over.doubtedSince)) }
  const found = {
    objects: 3,
    bytes: 9,
    backups: 1,
    missing: 0,
    damaged: 0,
    unknown: {},
    orphans: { objects: 0, bytes: 0 },
  }
  return { targetId: 'beta', at: moment(at(time)), ...found, ...over, ...since } as unknown as TargetSurvey
}

export function walDamage(segment: string, over: object = {}): WalDamage {
  const about = {
    sourceId: 'records',
    targetId: 'beta',
    key: `records/wal/00000001/${segment}.${'a'.repeat(16)}.zst.age`,
  }
  const problem = 'its bytes are not those that were put there'
  const seen = { since: moment(at('26T03:00')), at: moment(at('26T03:00')) }
  return { ...about, found: 'damaged', problem, ...seen, ...over } as unknown as WalDamage
}

export function lockedCopy(day: string, until?: string): LockedCopy {
  const about = { sourceId: 'records', backupId: `202609${day}T020000Z-dump-aaaaaa`, targetId: 'beta' }
  return { ...about, at: moment(at('26T03:00')), ...(until && { until: moment(at(until)) }) } as unknown as LockedCopy
}

export function unlocked(now: 'locked' | 'unlocked') {
  return { sourceId: 'records', backupId: '20260926T020000Z-dump-aaaaaa', problem: 'it is not locked', now }
}

/** What the classes of a target came to, well but for what the caller says. */
export function classes(over: object = {}) {
  const none = { parts: 0, bytes: 0 }
  const misplaced = { objects: 0, offline: 0, shown: [] }
  return { classes: { marks: {}, moved: none, late: none, misplaced, ...over } }
}

/** A place in the log for each day, so that the order of both is the same. */
export function lsnOf(day: number, more = 0): string {
  return `0/${(day * 0x1000000 + more).toString(16).toUpperCase()}`
}

/** The WAL of `records`, well in every way but for what the caller says; `seen` as `26T12:00`. */
export function aWal(seen: string, over: Record<string, unknown> = {}): WatchedWal {
  const there = { lsn: lsnOf(26), at: moment(at(seen)) }
  const slot = { name: 'lifeboat_records', retainedBytes: 5_000_000, warnBytes: 4e9, giveUpBytes: 32e9 }
  const state = {
    ...{ sourceId: 'records', agentId: 'db1', at: there.at, status: 'streaming', systemIdentifier: '7' },
    ...{ timeline: 1, segmentBytes: 0x1000000, serverLsn: there.lsn, receivedLsn: there.lsn, safe: there },
    ...{ targets: { alpha: there, beta: there }, slot },
    ...over,
  }
  return {
    sourceId: 'records',
    agentId: 'db1',
    targets: ['alpha', 'beta'],
    flushEveryMs: 10_000,
    state,
  } as unknown as WatchedWal
}

export function anIncident(over: Partial<Incident> = {}): Incident {
  return {
    cause: 'missing.records.daily',
    rule: 'missing',
    severity: 'critical',
    title: 'No backup of records began (policy daily)',
    details: ['Nothing has begun since 2026-09-26T02:00:00.000Z, 16 min ago'],
    hint: 'Look whether the agent of this source and the scheduler run (`lifeboat status`), then at the agent’s log.',
    state: 'open',
    openedAt: moment(at('26T02:16')),
    notifications: 0,
    ...over,
  }
}

export const ok = aRun('25T02:00', 'succeeded')

export const HOUR = 3_600_000

export const promise = (over: Record<string, unknown>) =>
  ({
    sourceId: 'records',
    rpoMs: null,
    windows: [],
    promise: { rpoMs: HOUR, rtoMs: 2 * HOUR },
    ...over,
  }) as unknown as World['objectives'][number]

export const physical = (...rows: ReturnType<typeof aBase>[]) => ({ physical: new Map([['records', rows]]) as never })

export const agent = (lastSeen: string) => ({ service: 'backup-agent', name: 'db1', lastSeenMs: at(lastSeen) })
