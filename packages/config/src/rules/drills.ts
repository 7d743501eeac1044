import { unknownName } from '../did-you-mean.ts'
import type { Finding } from '../problems.ts'
import type { Rule } from '../references.ts'
import { scheduleFindings } from './policies.ts'
import { block, blocks, list, takings } from './raw.ts'

/** Drills with dates of their own: of sources and policies that exist, under names of their own. */
export const drillFindings: Rule = (raw, sections) => {
  if (!sections.has('drills') || !sections.has('policies') || !sections.has('sources')) return []
  const sources = Object.keys(block(raw.sources))
  const policies = [...new Set([...Object.keys(block(raw.policies)), ...takings(raw).map(([id]) => id)])]
  return blocks(raw, 'drills').flatMap(([id, drill]): Finding[] => [
    ...(policies.includes(id)
      ? [
          {
            severity: 'error' as const,
            path: ['drills', id],
            at: 'key' as const,
            message: 'a policy has this name',
            hint: 'Their runs would stand under one name: give one of the two another.',
          },
        ]
      : []),
    ...unknown(['drills', id, 'sources'], drill.sources, sources, 'source'),
    ...unknown(['drills', id, 'policies'], drill.policies, policies, 'policy'),
    ...scheduleFindings(['drills', id, 'schedule'], drill),
  ])
}

function unknown(path: string[], names: unknown, known: readonly string[], what: string): Finding[] {
  return list(names).flatMap((name, i): Finding[] => {
    if (typeof name !== 'string' || known.includes(name)) return []
    return [{ severity: 'error', path: [...path, i], ...unknownName(what, name, known) }]
  })
}
