import { workFolderPath } from '@lifeboat/postgres/scratch/work-folder.ts'
import type { Delivery, Handler } from '@lifeboat/shared/bus/bus.ts'
import { DrillFinished, type DrillRequested } from '@lifeboat/shared/bus/messages/drill.ts'
import type { Evidence } from '@lifeboat/shared/domain/drill.ts'
import { moment, newDrillId } from '@lifeboat/shared/domain/ids.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { createRun } from '@lifeboat/shared/run/create-run.ts'
import { deadline } from '@lifeboat/shared/run/deadline.ts'
import type { Run } from '@lifeboat/shared/run/run.ts'
import type { Target } from '@lifeboat/storage/target.ts'
import { DEFAULT_RULES, type DrillRules } from '../config.ts'
import type { VerifierDeps } from '../deps.ts'
import type { Drill } from '../drill.ts'
import { collectFindings } from '../findings.ts'
import { factOf, storeEvidence } from '../phases/conclude.ts'
import { findEvidence } from '../phases/find-evidence.ts'
import { rehearse } from '../phases/rehearse.ts'

/** A passing trouble is waited out for this many deliveries; then the drill is inconclusive, and the scheduler decides when to ask again. */
const PATIENCE = 3

/**
 * One wish → one copy restored, questioned and judged; evidence stored beside the backup, then the fact.
 *
 * A wish that comes again finds the evidence of its run and only says its verdict once more. Nothing outlives the drill but the evidence and,
 * where the policy wants it, the stopped scratch server of a failed one.
 *
 * @throws the trouble itself while it may pass: the wish comes back
 */
export function runDrill(deps: VerifierDeps): Handler<DrillRequested> {
  return async (wish, delivery) => {
    const target = deps.targets.get(wish.targetId)
    if (!target) throw new LifeboatError('TARGET_UNKNOWN', { targetId: wish.targetId })
    const { runId, backupId, sourceId, targetId } = wish
    const rules = rulesFor(deps, wish)
    const log = deps.log.child({ runId, backupId, sourceId, targetId })
    using cancelled = deps.cancels.of(runId)
    using overdue = deadline(rules.maxDurationMs)
    const signals = [delivery.signal, cancelled.signal, overdue.signal]
    using run = createRun({ id: runId, service: 'verifier', signals, log, bus: deps.bus, clock: deps.clock })
    if (await sayAgain(deps, wish, target, run, delivery)) return
    const heartbeat = deps.heartbeats.get(sourceId)
    const drill = beginDrill(deps, { wish, target, rules, heartbeat, run })
    demandQuestions(deps, wish, drill)
    const evidence = await rehearse(drill, deps, mayWait(delivery))
    const stored = await keepEvidence(drill, deps, evidence, delivery)
    await deps.bus.publish(DrillFinished, factOf(stored, wish.policyId))
    deps.events.drillFinished(log, {
      ...{ targetId, sourceId, drillId: drill.id, verdict: stored.verdict, reasons: stored.reasons },
      ...{ bytes: stored.bytesFetched, durationMs: deps.clock.now() - Date.parse(stored.startedAt) },
    })
  }
}

/** Those of the backup's policy, and the questions of the drill with a date of its own that asked for it. */
function rulesFor({ rules, rehearsals }: VerifierDeps, { policyId, rehearsal }: DrillRequested): DrillRules {
  const own = rules.get(policyId) ?? DEFAULT_RULES
  const more = rehearsal === undefined ? [] : (rehearsals.get(rehearsal) ?? [])
  return { ...own, assertions: [...own.assertions, ...more] }
}

/** A drill whose questions this verifier was not told proves nothing. */
function demandQuestions({ rehearsals }: VerifierDeps, { rehearsal }: DrillRequested, { findings }: Drill): void {
  if (rehearsal === undefined || rehearsals.has(rehearsal)) return
  const problem = `this verifier knows no drill ${rehearsal}: restart it with the present lifeboat.yaml`
  findings.unable({ check: 'assertion', subject: rehearsal }, new LifeboatError('CONFIG_INVALID', { problem }))
}

/** @returns whether an earlier delivery of this wish already came to its verdict */
async function sayAgain(
  deps: VerifierDeps,
  wish: DrillRequested,
  target: Target,
  run: Run,
  delivery: Delivery,
): Promise<boolean> {
  const before = await findEvidence(wish, target, deps.signers, run.signal).catch((thrown: unknown) => {
    delivery.signal.throwIfAborted()
    // A target that is away for long is told by the drill itself, with a verdict; so is a drill that was cancelled or took too long.
    if (mayWait(delivery) && !run.signal.aborted) throw thrown
    return undefined
  })
  if (!before) return false
  const { targetId, sourceId } = wish
  await deps.bus.publish(DrillFinished, factOf(before, wish.policyId))
  deps.events.drillRepeated(run.log, { targetId, sourceId, drillId: before.drillId })
  return true
}

function beginDrill(deps: VerifierDeps, of: Pick<Drill, 'wish' | 'target' | 'rules' | 'heartbeat' | 'run'>): Drill {
  const now = deps.clock.now()
  const id = newDrillId(now)
  const { targetId, sourceId } = of.wish
  deps.events.drillBegun(of.run.log, { targetId, sourceId, drillId: id })
  return {
    ...{ ...of, id, deps, startedAt: moment(now), tools: {} },
    findings: collectFindings(of.run.signal),
    workDir: workFolderPath(deps.scratchPath, id),
  }
}

function mayWait(delivery: Pick<Delivery, 'attempt'>): boolean {
  return delivery.attempt < PATIENCE
}

/**
 * Without evidence at the target nothing is proven: the wish comes again, and in the end the drill is inconclusive. What speaks against a copy
 * is said all the same.
 */
async function keepEvidence(
  drill: Drill,
  deps: VerifierDeps,
  evidence: Evidence,
  delivery: Delivery,
): Promise<Evidence> {
  try {
    await storeEvidence(evidence, drill.target, deps.signer, delivery.signal)
    return evidence
  } catch (thrown) {
    delivery.signal.throwIfAborted()
    if (evidence.verdict === 'proven' && mayWait(delivery)) throw thrown
    const err = LifeboatError.from(thrown)
    drill.run.log.warn({ event: 'evidence.unstored', err, evidence }, 'the evidence could not be stored')
    if (evidence.verdict !== 'proven') return evidence
    return { ...evidence, verdict: 'inconclusive', reasons: [`evidence: It could not be stored (${err.title}).`] }
  }
}
