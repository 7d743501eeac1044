import { CopyRemade } from '@lifeboat/shared/bus/messages/audit.ts'
import { CopyMarked } from '@lifeboat/shared/bus/messages/expiry.ts'
import { POLICY, type WorldConfig } from '@lifeboat/testkit/world/config.ts'
import type { World } from '@lifeboat/testkit/world.ts'
import type { Stage } from './story.ts'
import type { Claim } from './summary.ts'

interface Copy {
  backupId: string
  targetId: string
  do: 'keep' | 'let-go'
  reasons: string[]
}

/** Exit code of an audit that found something. */
const ENDED_BADLY = 7

/** The newest dump is enough for the rules, and `target` alone has credentials that may remove. */
export function keepTheNewest(target: string): (config: WorldConfig) => void {
  return (config) => {
    const policy = config.policies[POLICY]
    const store = config.targets[target]
    if (policy === undefined || store?.kind !== 's3')
      throw new Error(`the world has no policy ${POLICY} or no S3 ${target}`)
    policy.keep = { last: 1, minAge: '0s' }
    config.expiry = { maxShare: 1 }
    const { accessKeyId, secretAccessKey } = store
    if (accessKeyId && secretAccessKey) store.removal = { accessKeyId, secretAccessKey }
  }
}

/** What a target really holds is read and made whole; then rules let go what a newer proven backup replaces, unless somebody holds it. */
export async function healAndLetGo(stage: Stage, target: string, damaged: string): Promise<{ claims: Claim[] }> {
  return { claims: [await heal(stage, target, damaged), await letGo(stage, target)] }
}

async function heal({ world, watch, screen, patienceMs }: Stage, target: string, backupId: string): Promise<Claim> {
  screen.chapter(`Every byte at ${target} read back, and the damaged copy made whole from another target`)
  await world.json(['target', 'audit', target, '--all'], [ENDED_BADLY])
  const { from, objects } = await watch.first(
    CopyRemade,
    (fact) => fact.backupId === backupId && fact.targetId === target,
    { what: `the copy made whole at ${target}`, withinMs: patienceMs },
  )
  screen.say(`${objects} of its objects put there again, from ${from.join(', ')}`)
  const { verdict } = await world.json<{ verdict: string }>(['drill', 'run', backupId, '--target', target, '--wait'])
  return {
    claim: `reading ${target} back found the flipped byte, the copy was made whole from another target, and its drill proves it`,
    held: from.length > 0 && verdict === 'proven',
    detail: `${backupId}, from ${from.join(', ')}`,
  }
}

async function letGo({ world, watch, screen, patienceMs }: Stage, target: string): Promise<Claim> {
  screen.chapter('What a newer proven backup replaces is let go, unless somebody holds it')
  await world.json(['target', 'audit'])
  const old = (await plan(world)).copies.find((copy) => copy.do === 'let-go')
  if (old === undefined) throw new Error('the rules let nothing go')
  screen.say(`the rules let go ${old.backupId} at ${old.targetId}: ${old.reasons.join('; ')}`)

  const { holdId } = await world.json<{ holdId: string }>(['hold', 'add', old.backupId, '--why', 'audit of the year'])
  const held = (await plan(world)).copies.find((copy) => isSame(copy, old))
  screen.say(`held, it stays: ${held?.reasons.join('; ')}`)
  await world.json(['hold', 'release', holdId, '--why', 'the audit is over'])

  const { digest, copies } = await plan(world)
  const going = copies.filter((copy) => copy.do === 'let-go')
  await world.json(['expiry', 'apply', '--plan', digest])
  for (const copy of going)
    await watch.first(CopyMarked, (fact) => isSame(fact, copy), { what: 'the tombstone', withinMs: patienceMs })
  return {
    claim: `by the plan that was shown, and nothing else, what rules do not keep was let go at ${target}; a held backup stayed`,
    held: held?.do === 'keep' && going.length > 0 && going.every((copy) => copy.targetId === target),
    detail: going.map((copy) => `${copy.backupId}: ${copy.reasons.join('; ')}`).join(', '),
  }
}

async function plan(world: World): Promise<{ digest: string; copies: Copy[] }> {
  const { digest, sources } = await world.json<{ digest: string; sources: { copies: Copy[] }[] }>(['expiry', 'plan'])
  return { digest, copies: sources.flatMap(({ copies }) => copies) }
}

function isSame(one: Pick<Copy, 'backupId' | 'targetId'>, other: Copy): boolean {
  return one.backupId === other.backupId && one.targetId === other.targetId
}
