import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { RECORDS, recordKey, SUMMARIES, summaryKey } from '@lifeboat/catalog/buckets.ts'
import { aBackup } from '@lifeboat/catalog/conformance/facts.ts'
import { KvCatalog } from '@lifeboat/catalog/kv-catalog.ts'
import { type BackupFact, complete, project } from '@lifeboat/catalog/project.ts'
import { summarizeAll } from '@lifeboat/catalog/summarize.ts'
import type { Bus } from '@lifeboat/shared/bus/bus.ts'
import { connectBus } from '@lifeboat/shared/bus/nats-bus.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { startNats } from '@lifeboat/testkit/nats.ts'
import { runLifeboat } from '@lifeboat/testkit/world/processes.ts'
import { type BenchReport, median } from './report.ts'

/** Beyond this an operator notices that the answer takes its time. */
const AT_ONCE_MS = 1000
const ROUNDS = 5
const TARGETS = ['aws', 'gcp', 'azure']

/** `pnpm bench catalog [sources] [backups of each]`: how long the usual questions take with a full catalogue on a real nats-server. */
export async function bench([sources = '100', perSource = '1000']: readonly string[]): Promise<BenchReport> {
  const size = { sources: Number(sources), perSource: Number(perSource) }
  await using nats = await startNats()
  await using bus = await connectBus({ servers: [nats.url], name: 'bench', log: silentLogger })
  console.error(`writing ${size.sources * size.perSource} backups`)
  await fill(bus, size.sources, size.perSource)
  await using config = await writeConfig(nats.url, size.sources)
  const commands = [['status'], ['backup', 'list']]
  const commandMs: number[] = []
  for (const command of commands) commandMs.push(await typical(() => answered(command, config.path)))
  const inside = await questions(bus)
  const millis = (ms: number) => `${Math.round(ms)} ms`
  return {
    title: `${size.sources * size.perSource} backups of ${size.sources} sources, each with three copies, one of them proven; medians of ${ROUNDS}.`,
    tables: [
      {
        columns: ['question', 'time'],
        rows: [
          ...commands.map((command, at) => [
            `lifeboat ${command.join(' ')}, the whole process`,
            millis(commandMs[at] ?? 0),
          ]),
          ...inside.map(([question, ms]) => [question, millis(ms)]),
        ],
      },
    ],
    ratios: commands.map((command, at) => ({
      what: `lifeboat ${command.join(' ')} against a second`,
      ratio: (commandMs[at] ?? Number.NaN) / AT_ONCE_MS,
      limit: 1,
    })),
  }
}

/** A fleet without services is not green, so `status` ends with 6; anything else did not answer the question. */
async function answered(command: string[], configPath: string): Promise<void> {
  const { code, stderr } = await runLifeboat(command, { configPath })
  if (code !== 0 && code !== 6) throw new Error(`lifeboat ${command.join(' ')} ended with ${code}: ${stderr}`)
}

async function questions(bus: Bus): Promise<[string, number][]> {
  const catalog = await KvCatalog.open(bus)
  const one = aBackup({ no: 0, sourceId: 's0' })
  let at = 0
  return [
    ['the summaries of all sources', await typical(() => catalog.summaries())],
    ['the newest 50 backups', await typical(() => catalog.list({ limit: 50 }))],
    ['the newest 50 backups of one source', await typical(() => catalog.list({ sourceId: one.sourceId, limit: 50 }))],
    ['one backup by its id alone', await typical(() => catalog.get(one.backupId))],
    ['taking one fact in', await typical(() => catalog.apply(one.drilled('aws', 'proven', at++)))],
  ]
}

/** A fleet as `status` reads it: every source with its policy. */
async function writeConfig(natsUrl: string, sources: number): Promise<{ path: string } & AsyncDisposable> {
  const folder = await mkdtemp(join(tmpdir(), 'lifeboat-bench-'))
  const names = Array.from({ length: sources }, (_, no) => `s${no}`)
  const config = {
    version: 1,
    fleet: 'bench',
    bus: { servers: [natsUrl] },
    encryption: { recipients: ['age1bench'] },
    signers: {},
    agents: {
      db1: { url: 'http://127.0.0.1:7461', token: 'env:TOKEN', signingKey: 'env:KEY', spool: { path: folder } },
    },
    targets: Object.fromEntries(TARGETS.map((name) => [name, { kind: 'filesystem', path: folder }])),
    sources: Object.fromEntries(names.map((name) => [name, { agent: 'db1', database: name, user: 'lifeboat' }])),
    policies: {
      daily: { sources: names, kind: 'dump', schedule: { cron: '0 2 * * *' }, targets: TARGETS },
    },
  }
  const path = join(folder, 'lifeboat.yaml')
  await writeFile(path, JSON.stringify(config))
  return { path, [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) }
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

async function typical(work: () => Promise<unknown>): Promise<number> {
  const took: number[] = []
  for (let round = 0; round < ROUNDS; round += 1) {
    const began = performance.now()
    await work()
    took.push(performance.now() - began)
  }
  return median(took)
}
