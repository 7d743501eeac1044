import { unknownName } from '../did-you-mean.ts'
import type { Finding } from '../problems.ts'
import type { Raw, Rule } from '../references.ts'
import type { SectionName } from '../sections.ts'
import type { Path } from '../yaml-source.ts'
import { block, blocks, list, text } from './raw.ts'

/** Every name that points at an entry of another block must find it. */
export const nameFindings: Rule = (raw, sections) => {
  const check = checker(raw, sections)
  const findings: Finding[] = []
  for (const [id, source] of blocks(raw, 'sources'))
    findings.push(...check('agents', source.agent, ['sources', id, 'agent']))
  for (const [id, policy] of blocks(raw, 'policies'))
    for (const name of ['sources', 'targets'] as const) {
      const path = ['policies', id, name]
      findings.push(...list(policy[name]).flatMap((entry, i) => check(name, entry, [...path, i])))
      findings.push(...repeated(list(policy[name]), path))
    }
  for (const [id, wal] of blocks(raw, 'wal')) {
    const path = ['wal', id, 'targets']
    findings.push(...check('sources', id, ['wal', id], 'key'))
    findings.push(...list(wal.targets).flatMap((entry, i) => check('targets', entry, [...path, i])))
    findings.push(...repeated(list(wal.targets), path))
  }
  for (const id of Object.keys(block(raw.objectives))) findings.push(...check('sources', id, ['objectives', id], 'key'))
  return [...findings, ...signerFindings(raw, sections)]
}

function repeated(entries: readonly unknown[], path: Path): Finding[] {
  const seen = new Set<unknown>()
  return entries.flatMap((entry, i): Finding[] => {
    if (!seen.has(entry)) {
      seen.add(entry)
      return []
    }
    return [{ severity: 'error', path: [...path, i], message: `${String(entry)} stands twice in this list` }]
  })
}

/** Each block's names are collected once: a fleet has thousands of them. */
function checker(raw: Raw, sections: ReadonlySet<SectionName>) {
  const names = (section: string) => new Set(Object.keys(block(raw[section])))
  const known = { sources: names('sources'), targets: names('targets'), agents: names('agents') }
  return (section: 'sources' | 'targets' | 'agents', name: unknown, path: Path, at?: 'key'): Finding[] => {
    if (!sections.has(section) || typeof name !== 'string' || known[section].has(name)) return []
    const said = unknownName(section.slice(0, -1), name, [...known[section]])
    return [{ severity: 'error', path, ...said, ...(at ? { at } : {}) }]
  }
}

/** What an agent or verifier signs must be checkable by everybody else. */
function signerFindings(raw: Raw, sections: ReadonlySet<SectionName>): Finding[] {
  if (!sections.has('signers')) return []
  const known = Object.keys(block(raw.signers))
  const needed: [string, Path][] = []
  if (sections.has('agents')) for (const id of Object.keys(block(raw.agents))) needed.push([id, ['agents', id]])
  if (raw.verifier !== undefined) needed.push([text(block(raw.verifier).id) ?? 'verifier', ['verifier']])
  return needed
    .filter(([id]) => !known.includes(id))
    .map(([id, path]) => ({
      severity: 'error',
      path,
      at: 'key',
      message: `no public key of signer ${id} stands under signers`,
      hint: `Make a pair with \`lifeboat key new\` and paste the public half as signers.${id}.`,
    }))
}
