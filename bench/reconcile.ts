import { surveyTarget } from '@lifeboat/catalog/audit/survey.ts'
import type { BackupRecord } from '@lifeboat/shared/domain/backup.ts'
import type { SourceId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import { formatBytes } from '@lifeboat/shared/time/duration.ts'
import type { Target } from '@lifeboat/storage/target.ts'
import { type BenchReport, median } from './report.ts'

const NOW = Date.parse('2026-11-28T12:00:00Z')
const OLD = '2026-11-01T12:00:00.000Z'
const SOURCES = 10
/** Two parts, a document and a manifest. */
const OBJECTS_EACH = 4
const PAGE_OBJECTS = 1000
/** What a page costs at best where round trips are short; pages come one after the other. */
const PAGE_MS = 50

/** `pnpm bench reconcile [objects]`: comparing everything a target lists with the catalogue, by a list that costs nothing. */
export async function bench([objects = '100000']: readonly string[]): Promise<BenchReport> {
  const each = Math.ceil(Number(objects) / OBJECTS_EACH / SOURCES)
  const count = each * OBJECTS_EACH * SOURCES
  const rounds = [await round(each), await round(each), await round(each)]
  const ms = median(rounds.map((one) => one.ms))
  const pagesMs = (count / PAGE_OBJECTS) * PAGE_MS
  const row = [
    count,
    `${(ms / 1000).toFixed(2)} s`,
    `${(pagesMs / 1000).toFixed(1)} s`,
    formatBytes(rounds[2]?.heapBytes ?? 0),
  ]
  return {
    title: `${count} objects of ${each * SOURCES} backups of ${SOURCES} sources at one target, all as the catalogue says; medians of 3.`,
    tables: [
      { columns: ['objects', 'CPU time of comparing', 'the same list in pages', 'heap afterwards'], rows: [row] },
    ],
    ratios: [{ what: 'comparing against listing', ratio: ms / pagesMs, limit: 1 }],
    notes: [
      `The list is made up in memory and costs nothing; beside it stands what its pages of ${PAGE_OBJECTS} objects take at ${PAGE_MS} ms each, which is reckoned and not measured. Records come from memory as well, not from the bus.`,
    ],
  }
}

async function round(each: number): Promise<{ ms: number; heapBytes: number }> {
  const began = process.cpuUsage()
  const { survey } = await surveyTarget(listing(each), catalogue(each), {
    signal: new AbortController().signal,
    nowMs: NOW,
  })
  const { user, system } = process.cpuUsage(began)
  if (survey.missing + survey.damaged > 0 || survey.backups !== each * SOURCES) throw new Error('not all was found')
  return { ms: (user + system) / 1000, heapBytes: process.memoryUsage().heapUsed }
}

const sourceOf = (no: number) => `s${no}`
const backupOf = (no: number) => `20261101T120000Z-dump-${no.toString(36).padStart(6, '0')}`

function listing(each: number): Target {
  async function* list() {
    yield { key: 'lifeboat.json', bytes: 40, storedAt: OLD }
    for (let source = 0; source < SOURCES; source += 1)
      for (let no = 0; no < each; no += 1) {
        const prefix = `${sourceOf(source)}/backups/${backupOf(no)}/`
        const names = ['RECOVER.md', 'db.dump.zst.age.00000', 'db.dump.zst.age.00001', 'manifest.json']
        for (const name of names) yield { key: prefix + name, bytes: 500, storedAt: OLD }
      }
  }
  return { id: 'aws' as TargetId, list, stat: async () => undefined } as unknown as Target
}

function catalogue(each: number) {
  return {
    summaries: async () =>
      Array.from({ length: SOURCES }, (_, no) => ({ sourceId: sourceOf(no) as SourceId, recent: [] })),
    async *all({ sourceId }: { sourceId?: SourceId } = {}) {
      for (let no = 0; no < each; no += 1) {
        const copies = { aws: { state: 'stored', storedAt: OLD } }
        yield { sourceId, backupId: backupOf(no), bytes: 1000, sealedAt: OLD, copies } as unknown as BackupRecord
      }
    },
  }
}
