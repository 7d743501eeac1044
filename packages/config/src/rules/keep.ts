import { Duration } from '@lifeboat/shared/time/duration.ts'
import type { Finding } from '../problems.ts'
import type { Raw, Rule } from '../references.ts'
import type { Path } from '../yaml-source.ts'
import { block, blocks, list } from './raw.ts'

const COUNTS = ['last', 'hourly', 'daily', 'weekly', 'monthly', 'yearly', 'within']

/** Rules that keep nothing, that are for nobody, or that nobody may carry out. */
export const keepFindings: Rule = (raw, sections) => [
  ...(sections.has('policies') ? blocks(raw, 'policies').flatMap(([id, policy]) => policyFindings(id, policy)) : []),
  ...(sections.has('wal') ? blocks(raw, 'wal').flatMap(([id, wal]) => windowFindings(id, wal)) : []),
  ...(sections.has('policies') && sections.has('expiry') ? removalFindings(raw) : []),
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

/** A target that may not be removed from is in doubt for good: what is kept by rules there is everything. */
function removalFindings(raw: Raw): Finding[] {
  const ruled = [
    ...blocks(raw, 'policies').map(([id, { keep, targets }]) => ({ what: id, keep, targets })),
    ...blocks(raw, 'wal').map(([id, { keep, targets }]) => ({ what: `WAL of ${id}`, keep, targets })),
  ].filter(({ keep }) => keep !== undefined)
  return blocks(raw, 'targets').flatMap(([id, { removal, kind }]): Finding[] => {
    const own = ruled.filter(({ targets }) => list(targets).includes(id)).map(({ what }) => what)
    if (removal !== undefined || own.length === 0) return []
    const add = kind === 'filesystem' ? 'removal: { allowed: true }' : 'removal, with credentials that may remove'
    return [
      {
        severity: 'warning',
        path: ['targets', id],
        at: 'key',
        message: `nothing may be removed here, so everything stays, whatever keep says (${own.join(', ')})`,
        hint: `Add ${add}; or leave keep out where everything is to stay.`,
      },
    ]
  })
}
