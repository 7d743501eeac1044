import { PolicyId } from '@lifeboat/shared/domain/ids.ts'
import { unknownName } from '../did-you-mean.ts'
import { memberPolicyId } from '../expand-sets.ts'
import type { Finding } from '../problems.ts'
import type { Raw, Rule } from '../references.ts'
import type { Path } from '../yaml-source.ts'
import { kindFindings } from './files.ts'
import { tablesFindings } from './policies.ts'
import { block, blocks, list, text } from './raw.ts'

/** Sets whose members take something that exists, and whose names are free. */
export const setFindings: Rule = (raw, sections) => {
  if (!sections.has('policies')) return []
  const sources = sections.has('sources') ? block(raw.sources) : undefined
  return blocks(raw, 'policies').flatMap(([id, policy]) => {
    if (policy.kind !== 'set') return []
    const members = blocks(policy, 'members')
    const path: Path = ['policies', id, 'members']
    return [
      ...(policy.members !== undefined && members.length === 0 ? [error(path, 'a set needs members', NO_MEMBER)] : []),
      ...members.flatMap(([name, member]) => [
        ...nameFindings(id, name, raw),
        ...memberFindings([...path, name], member, raw),
        ...(sources === undefined ? [] : sourceFindings([...path, name], member, raw, sources)),
      ]),
    ]
  })
}

const NO_MEMBER = 'Add one, e.g. `database: { policy: daily }` or `cluster: { sources: [records], kind: base }`.'

/** A member runs as a policy of its own. */
function nameFindings(set: string, name: string, raw: Raw): Finding[] {
  const own = memberPolicyId(set, name)
  const path: Path = ['policies', set, 'members', name]
  if (own in block(raw.policies))
    return [
      error(path, `it would run as ${own}, and a policy has that name`, 'Give one of the two another name.', 'key'),
    ]
  if (PolicyId.safeParse(own).success) return []
  return [
    error(path, `it would run as ${own}, which is too long a name`, 'Shorten this name or that of the set.', 'key'),
  ]
}

function memberFindings(path: Path, member: Raw, raw: Raw): Finding[] {
  const { policy, kind, sources } = member
  if (policy === undefined)
    return [
      ...(kind === undefined || sources === undefined ? [error(path, 'takes nothing', WHAT, 'key')] : []),
      ...(kind === undefined ? [] : tablesFindings(path, member)),
    ]
  const name = text(policy)
  const policies = block(raw.policies)
  const at: Path = [...path, 'policy']
  if (kind !== undefined)
    return [error([...path, 'kind'], 'the policy says the kind already', 'Leave one of the two out.')]
  if (name === undefined) return []
  if (!(name in policies))
    return [{ severity: 'error', path: at, ...unknownName('policy', name, Object.keys(policies)) }]
  if (block(policies[name]).kind === 'set')
    return [error(at, `${name} is a set itself`, 'Name the policies it is made of.')]
  return member.tables !== undefined && block(policies[name]).kind !== 'tables'
    ? [error([...path, 'tables'], `${name} exports no tables`, 'Leave it out.')]
    : []
}

const WHAT = 'Say `policy: NAME`, or `sources` and `kind`.'

function sourceFindings(path: Path, member: Raw, raw: Raw, sources: Raw): Finding[] {
  const named = block(block(raw.policies)[text(member.policy) ?? ''])
  const unknown = list(member.sources).flatMap((name, i) =>
    typeof name !== 'string' || name in sources
      ? []
      : [
          {
            severity: 'error' as const,
            path: [...path, 'sources', i],
            ...unknownName('source', name, Object.keys(sources)),
          },
        ],
  )
  return [...unknown, ...kindFindings(path, { sources: member.sources, kind: member.kind ?? named.kind }, sources)]
}

function error(path: Path, message: string, hint?: string, at?: 'key'): Finding {
  return { severity: 'error', path, message, ...(hint !== undefined && { hint }), ...(at && { at }) }
}
