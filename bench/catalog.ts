import { RECORDS, recordKey, SUMMARIES, summaryKey } from '@lifeboat/catalog/buckets.ts'
import { aBackup } from '@lifeboat/catalog/conformance/facts.ts'
import { KvCatalog } from '@lifeboat/catalog/kv-catalog.ts'
import { type BackupFact, complete, project } from '@lifeboat/catalog/project.ts'
import { summarizeAll } from '@lifeboat/catalog/summarize.ts'
import type { Bus } from '@lifeboat/shared/bus/bus.ts'
import { connectBus } from '@lifeboat/shared/bus/nats-bus.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { startNats } from '@lifeboat/testkit/nats.ts'

export interface CatalogBench {
  sources: number
  backups: number
  /** Milliseconds, medians of `rounds`. */
  openMs: number
  summariesMs: number
  list50Ms: number
  listOneSourceMs: number
  getMs: number
  countMs: number
  applyMs: number
}

/**
 * How long the questions of `lifeboat status` and `backup list` take with a full catalogue on a real nats-server.
 *
 * @param opts.sources times `perSource` is the number of backups, each with three copies, one of them proven
 */
export async function benchCatalog(
  opts: { sources?: number; perSource?: number; rounds?: number } = {},
): Promise<CatalogBench> {
  const { sources = 1000, perSource = 100, rounds = 5 } = opts
  await using nats = await startNats()
  await using bus = await connectBus({ servers: [nats.url], name: 'bench', log: silentLogger })
  await fill(bus, sources, perSource)
  const open = () => KvCatalog.open(bus)
  const catalog = await open()
  const one = aBackup({ no: perSource - 1, sourceId: 's0' })
  let at = 0
  return {
    sources,
    backups: sources * perSource,
    openMs: await median(rounds, open),
    summariesMs: await median(rounds, () => catalog.summaries()),
    list50Ms: await median(rounds, () => catalog.list({ limit: 50 })),
    listOneSourceMs: await median(rounds, () => catalog.list({ sourceId: one.sourceId, limit: 50 })),
    getMs: await median(rounds, () => catalog.get(one.backupId)),
    countMs: await median(rounds, () => catalog.count()),
    applyMs: await median(rounds * 10, () => catalog.apply(one.drilled('aws', 'proven', at++))),
  }
}

/** Writes the entries that applying every fact would have left. */
async function fill(bus: Bus, sources: number, perSource: number): Promise<void> {
  const records = await bus.bucket(RECORDS)
  const summaries = await bus.bucket(SUMMARIES)
  for (let source = 0; source < sources; source += 1) {
    const drafts = Array.from({ length: perSource }, (_, no) => life(`s${source}`, no))
    await Promise.all(drafts.map((draft) => records.put(recordKey(draft.sourceId, draft.backupId), draft)))
    const known = drafts.flatMap((draft) => complete(draft) ?? [])
    const { sourceId } = aBackup({ sourceId: `s${source}` })
    await summaries.put(summaryKey(sourceId), { ...summarizeAll(sourceId, known), revisions: {} })
  }
}

function life(sourceId: string, no: number) {
  const backup = aBackup({ no, sourceId })
  const rest: BackupFact[] = [
    backup.stored('aws'),
    backup.stored('gcp'),
    backup.stored('azure'),
    backup.drilled('aws', 'proven'),
  ]
  return rest.reduce(project, project(undefined, backup.sealed()))
}

async function median(rounds: number, work: () => Promise<unknown>): Promise<number> {
  const took: number[] = []
  for (let round = 0; round < rounds; round += 1) {
    const began = performance.now()
    await work()
    took.push(performance.now() - began)
  }
  return Math.round((took.sort((a, b) => a - b)[Math.floor(rounds / 2)] ?? 0) * 10) / 10
}
