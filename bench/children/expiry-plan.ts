import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { PlanSummary } from '@lifeboat/catalog/expiry/plan.ts'
import { ExpiryPlanner } from '@lifeboat/catalog/expiry/planner.ts'
import type { BackupRecord } from '@lifeboat/shared/domain/backup.ts'
import { moment, type SourceId, type TargetId } from '@lifeboat/shared/domain/ids.ts'
import { type ExpiryMeasure, type ExpiryOrder, KEEP, NOW, TARGETS } from '../expiry.ts'

const HOUR = 3_600_000
const LOOK_EVERY = 50

const [order] = (await once(process, 'message')) as [ExpiryOrder]
process.send?.(await plan(order))
process.disconnect()

/** What a scheduler does of a fleet: planned source after source, summed up, and planned once more where something goes. */
async function plan({ sources, each }: ExpiryOrder): Promise<ExpiryMeasure> {
  const names = Array.from({ length: sources }, (_, no) => `s${String(no).padStart(5, '0')}` as SourceId)
  const target = Object.fromEntries(TARGETS.map((id) => [id, []])) as unknown as Record<TargetId, string[]>
  const planner = new ExpiryPlanner({
    catalog: { all: ({ sourceId } = {}) => records(sourceId as SourceId, each) },
    ...{ holds: [], walPaths: new Map(), stayed: new Map(), sources: names, nowMs: NOW },
    keeping: { rulesOf: () => KEEP, walWindowMs: {}, maxShare: 1 },
    knowledge: { all: [], passing: [], source: () => [], target },
  })
  const began = process.cpuUsage()
  const summary = new PlanSummary()
  let [no, liveBytes] = [0, 0]
  for await (const one of planner.sources()) {
    summary.add(one)
    no += 1
    if (no % LOOK_EVERY === 0) liveBytes = Math.max(liveBytes, live())
  }
  for (const [sourceId, digest] of summary.digests)
    if ((await planner.again(sourceId)).digest !== digest) throw new Error(`${sourceId} was planned otherwise`)
  const { user, system } = process.cpuUsage(began)
  return { seconds: (user + system) / 1e6, going: summary.going, liveBytes, peakBytes: await peakBytes() }
}

function live(): number {
  globalThis.gc?.()
  return process.memoryUsage().heapUsed
}

/** As the catalogue gives them, one by one. */
async function* records(sourceId: SourceId, each: number): AsyncGenerator<BackupRecord> {
  for (let no = 0; no < each; no += 1) {
    const at = moment(NOW - no * HOUR)
    const copies = TARGETS.map((id, t) => [
      id,
      { state: no % TARGETS.length === t ? 'proven' : 'stored', storedAt: at },
    ])
    yield {
      ...{ backupId: `b${no}`, sourceId, policyId: 'hourly', kind: 'dump', agentId: 'db1' },
      ...{ startedAt: at, snapshotAt: at, sealedAt: at, bytes: 1e6, requiredCopies: 1 },
      copies: Object.fromEntries(copies),
    } as unknown as BackupRecord
  }
}

/** `VmHWM`, the high-water mark the kernel keeps. */
async function peakBytes(): Promise<number> {
  const [, kilobytes] = /VmHWM:\s+(\d+) kB/.exec(await readFile('/proc/self/status', 'utf8')) ?? []
  return Number(kilobytes) * 1024
}
