import { BackupSealed, BackupStarted } from '@lifeboat/shared/bus/messages/backup.ts'
import { CopyStored } from '@lifeboat/shared/bus/messages/copy.ts'
import { DrillFinished } from '@lifeboat/shared/bus/messages/drill.ts'
import { type BackupId, type PolicyId, type SourceId, scheduledRunId } from '@lifeboat/shared/domain/ids.ts'
import { backupPrefix } from '@lifeboat/shared/domain/keys.ts'
import { POLICY, SOURCE } from '@lifeboat/testkit/world/config.ts'
import type { ServiceName } from '@lifeboat/testkit/world/processes.ts'
import { flipByte, openTargetOf } from '@lifeboat/testkit/world/tamper.ts'
import type { World } from '@lifeboat/testkit/world.ts'
import { dailyAt } from './schedule.ts'
import type { Screen } from './screen.ts'
import type { Claim, Summary, TargetSummary } from './summary.ts'
import type { FactWatch } from './watch.ts'

/** Who tells the story, and how long anything in it may take before it is given up. */
export interface Stage {
  world: World
  watch: FactWatch
  screen: Screen
  /** For work on the database's bytes; grows with its size. */
  patienceMs: number
}

/** A run's grace in the last chapter: short, so that nobody waits long for the mail. */
const GRACE = '4s'
/** Between setting a schedule and its moment: time for the scheduler to start and write the run down; doubled where that was too short. */
const LEAD_MS = 10_000
const MAIL_WITHIN_MS = 180_000

const secondsBetween = (from: string, to: string) => (Date.parse(to) - Date.parse(from)) / 1000

/** The scheduler starts a backup, every target gets it, and a drill from each target proves it. */
export async function proveEverywhere(
  stage: Stage,
): Promise<Pick<Summary, 'backup' | 'targets'> & { claims: Claim[] }> {
  const { world, screen, watch, patienceMs } = stage
  screen.chapter('A backup by the schedule, proven from each target')
  const dueMs = await scheduleSoon(stage, '5m', (service) => world.start(service))
  screen.say(`the schedule says ${new Date(dueMs).toISOString()}`)

  const what = 'the scheduled backup'
  const started = await watch.first(BackupStarted, () => true, { what, withinMs: patienceMs })
  const { backupId } = started
  const sealed = await watch.first(BackupSealed, (fact) => fact.backupId === backupId, { what, withinMs: patienceMs })
  const targets = await Promise.all(
    Object.entries(world.targets).map(async ([target, { kind }]): Promise<TargetSummary> => {
      const { stored, drill } = await storedAndDrilled(stage, backupId, target)
      return {
        target,
        kind,
        storedSeconds: secondsBetween(started.startedAt, stored.storedAt),
        verdict: drill.verdict,
        drillSeconds: drill.durationMs / 1000,
        ...(drill.recoveryMs === undefined ? {} : { recoverySeconds: drill.recoveryMs / 1000 }),
      }
    }),
  )
  const proven = targets.filter(({ verdict }) => verdict === 'proven').map(({ target }) => target)
  return {
    backup: { backupId, bytes: sealed.bytes, seconds: secondsBetween(sealed.startedAt, sealed.sealedAt) },
    targets,
    claims: [
      {
        claim: `one backup, begun by the schedule, is stored at and proven from all ${targets.length} targets`,
        held: proven.length === targets.length,
        detail: `proven from ${proven.join(', ') || 'none'}; ${sealed.summary.tables} tables, ${sealed.summary.rows ?? 'uncounted'} rows compared`,
      },
    ],
  }
}

/** One byte of a further backup is flipped at one target: the drill from there must notice, and the others must not mind. */
export async function sabotage(stage: Stage, victim: string): Promise<Pick<Summary, 'sabotage'> & { claims: Claim[] }> {
  const { world, screen, watch, patienceMs } = stage
  screen.chapter(`A further backup, one byte of it flipped at ${victim}`)
  await world.kill('verifier', 'SIGTERM')
  const { runId } = await startByHand(world)
  const what = 'the backup to be sabotaged'
  const { backupId } = await watch.first(BackupSealed, (fact) => fact.runId === runId, { what, withinMs: patienceMs })
  for (const target of Object.keys(world.targets)) {
    const fits = (fact: CopyStored) => fact.backupId === backupId && fact.targetId === target
    await watch.first(CopyStored, fits, { what: `the copy at ${target}`, withinMs: patienceMs })
  }
  await using target = await openTargetOf(world, victim)
  const { key, offset } = await flipByte(target, backupPrefix(SOURCE as SourceId, backupId))
  screen.say(`flipped a bit of byte ${offset} of ${key} at ${victim}`)
  await world.start('verifier')

  const drills = await Promise.all(
    Object.keys(world.targets).map(async (name) => (await storedAndDrilled(stage, backupId, name)).drill),
  )
  const verdicts = Object.fromEntries(drills.map((drill) => [drill.targetId, drill.verdict]))
  const reasons = drills.find((drill) => drill.targetId === victim)?.reasons ?? []
  const held = drills.every((drill) => drill.verdict === (drill.targetId === victim ? 'failed' : 'proven'))
  const mail = await world.smtp.waitForMail(({ subject }) => /failed its drill/.test(subject), {
    withinMs: MAIL_WITHIN_MS,
  })
  screen.say(`mail to ${mail.to.join(', ')}: ${mail.subject}`)
  return {
    sabotage: { backupId, target: victim, key, offset, verdicts, reasons },
    claims: [
      {
        claim: `the drill from ${victim} caught the flipped byte and it was mailed; the other copies are proven`,
        held,
        detail: reasons.join(' '),
      },
    ],
  }
}

/** The agent is away when a run is due: that nothing happened must be mailed, and the end of it too. */
export async function missOne(stage: Stage): Promise<Pick<Summary, 'missing'> & { claims: Claim[] }> {
  const { world, screen, watch, patienceMs } = stage
  screen.chapter('A run that cannot happen, and somebody is told')
  await world.kill('backup-agent', 'SIGTERM')
  screen.say('stopped the agent')
  const dueMs = await scheduleSoon(stage, GRACE, (service) => world.restart(service))
  screen.say(`a run is due at ${new Date(dueMs).toISOString()}, and nobody is there to do it`)

  const missing = await world.smtp.waitForMail(({ subject }) => /no backup of/i.test(subject), {
    withinMs: MAIL_WITHIN_MS,
  })
  const secondsAfterDue = (Date.now() - dueMs) / 1000
  screen.say(`mail to ${missing.to.join(', ')}: ${missing.subject}`)
  await world.start('backup-agent')
  screen.say('started the agent again: the run is caught up')
  const caughtUp = (fact: BackupSealed) => Date.parse(fact.startedAt) > dueMs
  await watch.first(BackupSealed, caughtUp, { what: 'the run that was missed', withinMs: patienceMs })
  const resolved = await world.smtp.waitForMail(
    (mail) => mail !== missing && /no backup of/i.test(mail.subject) && /resolved/i.test(mail.subject),
    { withinMs: MAIL_WITHIN_MS },
  )
  screen.say(`mail to ${resolved.to.join(', ')}: ${resolved.subject}`)
  return {
    missing: { subject: missing.subject, to: missing.to, secondsAfterDue, resolved: resolved.subject },
    claims: [
      {
        claim: 'a run that nobody began was mailed as missing',
        held: missing.secure,
        detail: `“${missing.subject}”, by SMTP with STARTTLS and login`,
      },
      {
        claim: 'it was caught up when the agent came back, and that was mailed too',
        held: true,
        detail: `“${resolved.subject}”`,
      },
    ],
  }
}

/**
 * Sets the policy's next run a few seconds ahead, with scheduler and alerter (re)started to know it.
 *
 * @returns when the run is due; it is in the ledger already
 */
async function scheduleSoon(
  stage: Stage,
  grace: string,
  begin: (service: ServiceName) => Promise<unknown>,
): Promise<number> {
  const { world, watch, screen } = stage
  let [leadMs, start] = [LEAD_MS, begin]
  for (;;) {
    const dueMs = Math.ceil((Date.now() + leadMs) / 1000) * 1000
    await world.reconfigure((config) => dailyAt(config, dueMs, grace))
    await Promise.all([start('scheduler'), start('alerter')])
    if (await watch.planned(scheduledRunId(POLICY as PolicyId, SOURCE as SourceId, dueMs), dueMs)) return dueMs
    screen.say(`this machine is busy: the services were not up within ${leadMs / 1000} s; setting the schedule again`)
    leadMs *= 2
    start = (service) => world.restart(service)
  }
}

async function storedAndDrilled({ watch, patienceMs }: Stage, backupId: BackupId, target: string) {
  const stored = await watch.first(CopyStored, (fact) => fact.backupId === backupId && fact.targetId === target, {
    what: `the copy at ${target}`,
    withinMs: patienceMs,
  })
  const drill = await watch.first(
    DrillFinished,
    (fact) => fact.backupId === backupId && fact.targetId === target && fact.verdict !== 'inconclusive',
    { what: `the drill from ${target}`, withinMs: patienceMs },
  )
  return { stored, drill }
}

/** As an operator would: `lifeboat backup now`. */
async function startByHand(world: World): Promise<{ runId: string }> {
  const { runs } = await world.json<{ runs: { runId: string }[] }>(['backup', 'now', SOURCE, '--policy', POLICY])
  const [run] = runs
  if (run === undefined) throw new Error('`lifeboat backup now` asked for nothing')
  return run
}
