import { memberPolicyId } from '../expand-sets.ts'
import type { Raw } from '../references.ts'

/** The entries of a named block that are blocks themselves; anything else is the schema's business. */
export function blocks(raw: Raw, name: string): [string, Raw][] {
  return Object.entries(block(raw[name])).filter((entry): entry is [string, Raw] => isBlock(entry[1]))
}

/** Every policy that takes something: each member of a set as the policy it runs by, with the time and the targets of the set. */
export function takings(raw: Raw): [string, Raw][] {
  const policies = block(raw.policies)
  return blocks(raw, 'policies').flatMap(([id, policy]): [string, Raw][] => {
    if (policy.kind !== 'set') return [[id, policy]]
    const { schedule, targets } = policy
    return blocks(policy, 'members').map(([name, member]) => {
      const named = block(policies[text(member.policy) ?? ''])
      const kind = member.kind ?? (named.kind === 'incremental' ? 'base' : named.kind)
      return [memberPolicyId(id, name), { kind, sources: member.sources ?? named.sources, schedule, targets }]
    })
  })
}

export function block(value: unknown): Raw {
  return isBlock(value) ? value : {}
}

export function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : []
}

export function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

function isBlock(value: unknown): value is Raw {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
