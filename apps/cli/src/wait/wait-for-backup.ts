import { LEDGER_BUCKET } from '@lifeboat/catalog/ledger.ts'
import type { Bus } from '@lifeboat/shared/bus/bus.ts'
import type { RunId } from '@lifeboat/shared/domain/ids.ts'
import type { Line } from '../progress/live-line.ts'
import { type BackupStory, beginStory, isPartOf, tellFact, tellLedger } from './backup-story.ts'
import type { Goal } from './goals.ts'
import { race } from './race.ts'

const SUBJECTS = ['backup', 'part.stored', 'copy', 'drill.finished'].map((noun) => `lifeboat.fact.${noun}.>`)

/**
 * Follows one run by what is told about it: facts, the ledger, and its progress.
 *
 * @param opts.since milliseconds UTC; facts before it are not read
 * @returns the story as it stood at the end, at the timeout or at Ctrl-C (then without `end`)
 */
export async function waitForBackup(
  bus: Bus,
  run: { runId: RunId; goal: Goal; since: number },
  opts: { signal: AbortSignal; line: Line },
): Promise<BackupStory> {
  let story = beginStory(run.runId, run.goal)
  const ended = new AbortController()
  const signal = AbortSignal.any([opts.signal, ended.signal])
  const tell = (next: BackupStory) => {
    if (next === story) return
    announce(story, next, opts.line)
    story = next
    if (next.end) ended.abort()
  }
  const ledger = await bus.bucket(LEDGER_BUCKET)
  await race(signal, [
    async () => {
      for await (const { value } of ledger.watch({ signal, filter: run.runId }))
        if (value) tell(tellLedger(story, value))
    },
    async () => {
      for await (const fact of bus.observe({ signal, since: run.since, follow: true, subjects: SUBJECTS }))
        tell(tellFact(story, fact))
    },
    async () => {
      for await (const report of bus.watchProgress({ signal }))
        if (isPartOf(story, report.runId)) opts.line.progress(report, report.at)
    },
  ])
  return story
}

function announce(before: BackupStory, after: BackupStory, line: Line): void {
  if (after.backupId && after.backupId !== before.backupId && !after.unchanged)
    line.say(`backup ${after.backupId} begun`)
  // The ledger says the same as the fact.
  if (after.error && after.error.code !== before.error?.code && !after.end)
    line.say(`${after.error.code}: ${after.error.title}`)
  if (after.sealedBytes !== undefined && before.sealedBytes === undefined) line.say('complete and sealed in the spool')
  for (const target of after.stored) if (!before.stored.includes(target)) line.say(`stored at ${target}`)
  for (const target of after.proven) if (!before.proven.includes(target)) line.say(`proven at ${target}`)
  if (after.sealedBytes !== undefined && !after.end) line.progress(uploadProgress(after, after.sealedBytes), Date.now())
}

/** Bytes at the targets that are furthest, as many as are required: when those are done, the backup is stored. */
function uploadProgress({ bytesAt, requiredCopies }: BackupStory, sealedBytes: number) {
  const furthest = Object.values(bytesAt)
    .sort((a, b) => b - a)
    .slice(0, requiredCopies)
  const done = furthest.reduce((sum, bytes) => sum + Math.min(bytes, sealedBytes), 0)
  return { phase: 'store', done, total: sealedBytes * requiredCopies, unit: 'bytes' as const }
}
