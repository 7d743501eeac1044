import { ByteSize } from '@lifeboat/shared/time/duration.ts'
import type { Finding } from '../problems.ts'
import type { Raw, Rule } from '../references.ts'
import { block, blocks, list, takings } from './raw.ts'

/** WAL that nobody can use, limits in the wrong order, incrementals where the server has none. */
export const walFindings: Rule = (raw, sections) => {
  const policies = blocks(raw, 'policies')
  const withPolicies = sections.has('policies')
  return [
    ...(sections.has('wal')
      ? blocks(raw, 'wal').flatMap(([source, wal]) => [
          ...copyFindings(source, wal),
          ...retainedFindings(source, block(wal.retained)),
          ...(withPolicies && block(block(raw.sources)[source]).kind !== 'files'
            ? baseFindings(source, wal, takings(raw))
            : []),
        ])
      : []),
    ...(sections.has('sources') ? policies.flatMap(([id, policy]) => versionFindings(id, policy, raw)) : []),
    ...(sections.has('wal') ? policies.flatMap(([id, policy]) => drillFindings(id, policy, raw)) : []),
  ]
}

function copyFindings(source: string, wal: Raw): Finding[] {
  const required = block(wal.copies).required
  const room = new Set(list(wal.targets)).size
  if (typeof required !== 'number' || room === 0 || required <= room) return []
  return [
    {
      severity: 'error',
      path: ['wal', source, 'copies', 'required'],
      message: `asks for ${required} copies on ${room} target${room === 1 ? '' : 's'}`,
      hint: 'No WAL would ever count as safe, and the server would keep all of it until the slot is given up.',
    },
  ]
}

function retainedFindings(source: string, retained: Raw): Finding[] {
  const warn = ByteSize.safeParse(retained.warn ?? '4GiB')
  const giveUp = ByteSize.safeParse(retained.giveUp ?? '32GiB')
  if (!warn.success || !giveUp.success || warn.data < giveUp.data) return []
  const given = retained.giveUp === undefined ? 'warn' : 'giveUp'
  return [
    {
      severity: 'error',
      path: ['wal', source, 'retained', given],
      message: 'the slot would be given up before anybody is warned',
      hint: 'Let warn be well below giveUp, and giveUp below the room on the disk of pg_wal.',
    },
  ]
}

const PHYSICAL = ['base', 'incremental']

/** Recovery begins with a base and takes WAL from the same target. */
function baseFindings(source: string, wal: Raw, policies: readonly [string, Raw][]): Finding[] {
  // A list that is no list is a problem of its own, and hides who is in it.
  if (policies.some(([, policy]) => !Array.isArray(policy.sources))) return []
  const own = policies.filter(
    ([, { kind, sources }]) => PHYSICAL.includes(String(kind)) && list(sources).includes(source),
  )
  if (own.length === 0)
    return [
      {
        severity: 'warning',
        path: ['wal', source],
        at: 'key',
        message: 'WAL alone recovers nothing, and no policy takes a base of this source',
        hint: 'Add a policy of kind base for it, weekly for example.',
      },
    ]
  const together = own.some(([, policy]) => list(policy.targets).some((target) => list(wal.targets).includes(target)))
  if (together || list(wal.targets).length === 0) return []
  return [
    {
      severity: 'warning',
      path: ['wal', source, 'targets'],
      message: 'no target gets both the WAL and the bases of this source',
      hint: 'Recovery reads both from one target: let the base policy and this section share at least one.',
    },
  ]
}

const INCREMENTAL_FROM = 17

function versionFindings(id: string, policy: Raw, raw: Raw): Finding[] {
  if (policy.kind !== 'incremental') return []
  const sources = block(raw.sources)
  return list(policy.sources).flatMap((name, i): Finding[] => {
    // One that no source is called is a problem of its own.
    if (typeof name !== 'string' || !(name in sources)) return []
    const { major } = block(sources[name])
    if (major === undefined) return [unknownMajor(['policies', id, 'sources', i], name)]
    if (typeof major !== 'number' || major >= INCREMENTAL_FROM) return []
    return [
      {
        severity: 'error',
        path: ['policies', id, 'sources', i],
        message: `PostgreSQL ${major} has no incremental backups`,
        hint: 'They begin with PostgreSQL 17. Take it into a policy of kind base, and keep its WAL (`wal`): that loses seconds, not hours.',
      },
    ]
  })
}

/** Found out by the first run otherwise, which the agent refuses. */
function unknownMajor(path: (string | number)[], name: string): Finding {
  return {
    severity: 'warning',
    path,
    message: `whether the server of ${name} can take incrementals is not known here`,
    hint: `Say which major it is (\`major\` of that source): before PostgreSQL ${INCREMENTAL_FROM} each run would be refused. \`lifeboat source check ${name}\` asks the server.`,
  }
}

function drillFindings(id: string, policy: Raw, raw: Raw): Finding[] {
  const recoverTo = block(policy.drill).recoverTo
  if (recoverTo !== 'latest' && recoverTo !== 'random') return []
  const dumps = !PHYSICAL.includes(String(policy.kind))
  const without = list(policy.sources).filter((name) => typeof name === 'string' && !(name in block(raw.wal)))
  if (!dumps && without.length === 0) return []
  return [
    {
      severity: 'warning',
      path: ['policies', id, 'drill', 'recoverTo'],
      message: dumps
        ? `a ${policy.kind === 'dump' ? 'dump' : 'backup of this kind'} is recovered to no other moment than its own`
        : `no WAL is kept of ${without.join(', ')}`,
      hint: dumps
        ? 'Leave it out here, or set it on a policy of kind base.'
        : 'Drills end with the backup there; add the source under `wal`, or leave this out.',
    },
  ]
}
