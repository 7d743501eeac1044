import type { PolicyConfig } from '@lifeboat/config/lifeboat-config.ts'
import { BackupStarted } from '@lifeboat/shared/bus/messages/backup.ts'
import { PartSealed } from '@lifeboat/shared/bus/messages/part.ts'
import type { Fingerprint } from '@lifeboat/shared/domain/fingerprint.ts'
import { type ArtifactName, moment } from '@lifeboat/shared/domain/ids.ts'
import type { Artifact } from '@lifeboat/shared/domain/manifest.ts'
import type { Run } from '@lifeboat/shared/run/run.ts'
import { aboutOf } from './attempt.ts'
import type { BackupRun } from './backup-run.ts'
import type { AgentSource } from './config.ts'
import type { AgentDeps } from './deps.ts'
import { dumpDatabase } from './phases/dump.ts'
import { startFingerprint } from './phases/fingerprint.ts'
import { dumpGlobals } from './phases/globals.ts'
import { type Snapshot, takeSnapshot } from './phases/inspect.ts'
import { sealBackup } from './phases/seal.ts'
import { sealText } from './phases/seal-text.ts'
import { type DumpPlan, planDump } from './plan.ts'
import { partWriter } from './spool/part-writer.ts'
import type { Spooled } from './spool/spool.ts'
import { findToolbox, type Toolbox, versionLines } from './toolbox.ts'

type Deps = Pick<AgentDeps, 'bus' | 'spool' | 'signer' | 'cfg' | 'clock' | 'events' | 'log'>

export interface Work {
  source: AgentSource
  policy: PolicyConfig
  spooled: Spooled
  run: Run
}

/**
 * One attempt from the snapshot to the signed manifest in the spool. Parts are announced as they are sealed; nothing of them counts before the
 * manifest. Leaves its folder to the caller when it fails.
 *
 * @throws LifeboatError of every phase; the run's abort reason
 */
export async function attemptBackup(deps: Deps, work: Work): Promise<void> {
  const { attempt } = work.spooled
  const { attempt: count, startedAt, targets, requiredCopies } = attempt
  await deps.bus.publish(BackupStarted, { ...aboutOf(attempt), attempt: count, startedAt, targets, requiredCopies })
  const run = backupRun(deps, work)
  run.enter('inspect')
  await using snapshot = await takeSnapshot(run, work.policy.lockTimeout, deps.clock)
  const tools = await findToolbox(snapshot.server.major, run.search)
  const plan = planDump(work.source, work.policy, tools)
  const { artifacts, fingerprint } = await takeAll(run, { snapshot, plan, tools })
  run.enter('seal')
  run.signal.throwIfAborted()
  const { cfg } = deps
  const summary = { ...summaryOf(fingerprint), databaseBytes: snapshot.databaseBytes }
  const about = { fleetId: cfg.fleetId, database: work.source.connection.database, recipients: [...cfg.recipients] }
  const { takenAt: snapshotAt, server } = snapshot
  const sealedAt = moment(deps.clock.now())
  const facts = {
    ...about,
    snapshotAt,
    server,
    sealedAt,
    tools: versionLines(tools),
    summary,
    artifacts,
    spoolUrl: cfg.url,
  }
  await sealBackup(work.spooled, facts, deps.signer)
}

interface Means {
  snapshot: Snapshot
  plan: DumpPlan
  tools: Toolbox
}

/** Everything in one snapshot, side by side: when one part of it fails, the others need not go on. */
async function takeAll(
  run: BackupRun,
  { snapshot, plan, tools }: Means,
): Promise<{ artifacts: Artifact[]; fingerprint: Fingerprint }> {
  const beside = quietUntilDumped(run)
  run.enter('fingerprint')
  await using measuring = await startFingerprint(beside.run, snapshot, plan)
  const { signal, failing } = endingTogether(run)
  const joint = { ...run, signal }
  run.enter('globals')
  const globals = failing(dumpGlobals(joint, plan, tools))
  run.enter('dump')
  const database = failing(dumpDatabase(joint, snapshot, plan, tools))
  void failing(measuring.measured)
  const dumped = await Promise.allSettled([database, globals])
  signal.throwIfAborted()
  const artifacts = dumped.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
  beside.dumped()
  const fingerprint = await measuring.finish()
  const text = JSON.stringify(fingerprint)
  const about = { name: plan.artifacts.fingerprint, role: 'fingerprint' as const, text, from: 'json' }
  return { artifacts: [...artifacts, await sealText(run, tools, about)], fingerprint }
}

/** People watch one phase at a time: the fingerprint's progress shows only once the dump is through. */
function quietUntilDumped(run: BackupRun): { run: BackupRun; dumped: () => void } {
  let quiet = true
  const report: Run['report'] = (progress) => {
    if (!quiet) run.report(progress)
  }
  return {
    run: { ...run, report },
    dumped: () => {
      quiet = false
    },
  }
}

/** Work that goes on side by side: the first to fail ends the others, and its error is the reason. */
function endingTogether(run: BackupRun): { signal: AbortSignal; failing: <T>(work: Promise<T>) => Promise<T> } {
  const failed = new AbortController()
  return {
    signal: AbortSignal.any([run.signal, failed.signal]),
    failing(work) {
      work.catch((err: unknown) => failed.abort(err))
      return work
    },
  }
}

function summaryOf({ tables }: Fingerprint): { tables: number; rows: number } {
  return { tables: tables.length, rows: tables.reduce((sum, { rows }) => sum + rows, 0) }
}

function backupRun(deps: Deps, { source, spooled, run }: Work): BackupRun {
  const { cfg, spool } = deps
  const { attempt } = spooled
  const log = run.log.child({ backupId: attempt.backupId })
  return {
    ...run,
    log,
    source,
    search: { toolPaths: cfg.toolPaths },
    recipients: cfg.recipients,
    applicationName: `lifeboat ${cfg.agentId}`,
    enter(phase) {
      run.signal.throwIfAborted()
      log.info({ event: 'run.phase', phase }, 'entered a phase')
    },
    writer: (artifact, onBytes) =>
      partWriter({
        ...{ spool, to: spooled, artifact, signal: run.signal },
        ...(onBytes === undefined ? {} : { onBytes }),
        onPart: (part) => announcePart(deps, spooled, { artifact, part }),
      }),
  }
}

async function announcePart(
  { bus, cfg, events, log }: Deps,
  { attempt }: Spooled,
  { artifact, part }: { artifact: ArtifactName; part: PartSealed['part'] },
): Promise<void> {
  const { backupId, sourceId, agentId, targets } = attempt
  await bus.publish(PartSealed, { backupId, sourceId, agentId, artifact, part, targets, spoolUrl: cfg.url })
  events.partSealed(log, { sourceId, backupId, artifact, partNo: part.no, bytes: part.bytes })
}
