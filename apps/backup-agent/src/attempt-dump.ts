import type { Fingerprint } from '@lifeboat/shared/domain/fingerprint.ts'
import type { Artifact } from '@lifeboat/shared/domain/manifest.ts'
import type { Run } from '@lifeboat/shared/run/run.ts'
import { endingTogether } from '@lifeboat/shared/run/together.ts'
import type { AttemptDeps, Taken, Work } from './attempt-backup.ts'
import type { BackupRun } from './backup-run.ts'
import { dumpDatabase } from './phases/dump.ts'
import { startFingerprint } from './phases/fingerprint.ts'
import { dumpGlobals } from './phases/globals.ts'
import { type Snapshot, takeSnapshot } from './phases/inspect.ts'
import { sealText } from './phases/seal-text.ts'
import { type DumpPlan, planDump } from './plan.ts'
import { findToolbox, type Toolbox, versionLines } from './toolbox.ts'

/** One database, its roles and its fingerprint, all of one snapshot. */
export async function takeDump(run: BackupRun, { clock }: AttemptDeps, { source, policy }: Work): Promise<Taken> {
  run.enter('inspect')
  await using snapshot = await takeSnapshot(run, policy.lockTimeout, clock)
  const tools = await findToolbox(snapshot.server.major, run.search)
  const plan = planDump(source, policy, tools)
  const { artifacts, fingerprint } = await takeAll(run, { snapshot, plan, tools })
  const { takenAt: snapshotAt, server, databaseBytes } = snapshot
  const summary = { ...summaryOf(fingerprint), databaseBytes }
  return { snapshotAt, server, tools: versionLines(tools), summary, artifacts }
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
  const { joint, failing } = endingTogether(run)
  run.enter('globals')
  const globals = failing(dumpGlobals(joint, plan, tools))
  run.enter('dump')
  const database = failing(dumpDatabase(joint, snapshot, plan, tools))
  void failing(measuring.measured)
  const dumped = await Promise.allSettled([database, globals])
  joint.signal.throwIfAborted()
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

function summaryOf({ tables }: Fingerprint): { tables: number; rows: number } {
  return { tables: tables.length, rows: tables.reduce((sum, { rows }) => sum + rows, 0) }
}
