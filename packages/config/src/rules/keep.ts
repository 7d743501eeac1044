import { Duration } from '@lifeboat/shared/time/duration.ts'
import type { Finding } from '../problems.ts'
import type { Raw, Rule } from '../references.ts'
import type { Path } from '../yaml-source.ts'
import { block, blocks, list } from './raw.ts'

const COUNTS = ['last', 'hourly', 'daily', 'weekly', 'monthly', 'yearly', 'within']

/** Rules that keep nothing, or that are for nobody. */
export const keepFindings: Rule = (raw, sections) => [
  ...(sections.has('policies') ? blocks(raw, 'policies').flatMap(([id, policy]) => policyFindings(id, policy)) : []),
  ...(sections.has('wal') ? blocks(raw, 'wal').flatMap(([id, wal]) => windowFindings(id, wal)) : []),
]

function policyFindings(id: string, policy: Raw): Finding[] {
  if (policy.keep === undefined) return []
  const path: Path = ['policies', id, 'keep']
  const keep = block(policy.keep)
  const own = list(policy.targets)
  return [
    ...emptyFindings(keep, path),
    ...Object.entries(block(keep.targets)).flatMap(([target, rules]): Finding[] => [
      ...emptyFindings(block(rules), [...path, 'targets', target]),
      ...(own.includes(target)
        ? []
        : [
            {
              severity: 'error' as const,
              path: [...path, 'targets', target],
              at: 'key' as const,
              message: 'the policy sends no copies to this target',
              hint: 'Name one of its targets, or leave it out.',
            },
          ]),
    ]),
  ]
}

function emptyFindings(rules: Raw, path: Path): Finding[] {
  const within = Duration.safeParse(rules.within)
  const zero = within.success && within.data <= 0
  const given = COUNTS.filter((name) => rules[name] !== undefined && !(name === 'within' && zero))
  if (given.length > 0) return []
  return [
    {
      severity: 'error',
      path,
      message: 'these rules would keep nothing',
      hint: 'Say at least one of last, daily, weekly, monthly, yearly or within; leave keep out to keep everything.',
    },
  ]
}

function windowFindings(id: string, wal: Raw): Finding[] {
  const window = Duration.safeParse(block(wal.keep).window)
  if (!window.success || window.data > 0) return []
  return [
    {
      severity: 'error',
      path: ['wal', id, 'keep', 'window'],
      message: 'a window of nothing would keep no WAL',
      hint: 'Say how far back any moment must be recoverable, e.g. 14d; leave keep out to keep all WAL.',
    },
  ]
}
