import type { AlerterDeps } from './deps.ts'

const TIMEOUT_MS = 10_000
/** A notice that waits longer than this means that nobody can be told. */
const STUCK_AFTER_MS = 30 * 60_000

/**
 * Asks the dead-man URL, which somebody outside watches: when the asking stops, alerter, scheduler, bus or mail is gone, and that
 * somebody tells. Asked only while a scheduler is there and mail gets through.
 */
export async function askDeadMan(deps: AlerterDeps, world: { schedulerPresent: boolean }): Promise<void> {
  if (deps.deadManUrl === undefined || !world.schedulerPresent || (await mailIsStuck(deps))) return
  const answer = await fetch(deps.deadManUrl, { signal: AbortSignal.timeout(TIMEOUT_MS) }).catch((cause: unknown) => ({
    ok: false,
    status: String(cause),
    body: null,
  }))
  await answer.body?.cancel()
  if (!answer.ok)
    deps.log.warn({ event: 'dead-man.unasked', status: answer.status }, 'the dead-man URL does not answer')
}

async function mailIsStuck({ outbox, clock }: AlerterDeps): Promise<boolean> {
  for await (const { value } of outbox.entries())
    if (value.state === 'pending' && clock.now() - Date.parse(value.createdAt) > STUCK_AFTER_MS) return true
  return false
}
