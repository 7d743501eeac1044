import type { Finding } from '../problems.ts'
import type { Raw, Rule } from '../references.ts'
import type { Path } from '../yaml-source.ts'
import { block, blocks, list, text } from './raw.ts'

/** Policies that ask of a source what its kind does not have, trees that would back up their own backups. */
export const filesFindings: Rule = (raw, sections) => {
  const sources = block(raw.sources)
  return [
    ...(sections.has('policies')
      ? blocks(raw, 'policies').flatMap(([id, policy]) => onChangeFindings(id, policy))
      : []),
    ...(sections.has('policies') && sections.has('sources')
      ? blocks(raw, 'policies').flatMap(([id, policy]) => kindFindings(['policies', id], policy, sources))
      : []),
    ...(sections.has('wal') && sections.has('sources')
      ? blocks(raw, 'wal').flatMap(([id]) => walFindings(id, sources))
      : []),
    ...blocks(raw, 'sources').flatMap(([id, source]) =>
      source.kind === 'files' ? [...treeFindings(id, source), ...spoolFindings(id, source, raw)] : [],
    ),
  ]
}

/** @param path of the policy, or of the member of a set */
export function kindFindings(path: Path, policy: Raw, sources: Raw): Finding[] {
  return list(policy.sources).flatMap((name, i): Finding[] => {
    if (typeof name !== 'string' || !(name in sources) || typeof policy.kind !== 'string') return []
    const { kind = 'postgres' } = block(sources[name])
    const isFiles = kind === 'files'
    // A kind nobody knows is a problem of its own.
    if ((!isFiles && kind !== 'postgres') || isFiles === (policy.kind === 'files')) return []
    const message = isFiles
      ? `${name} is a folder with files, and of those there is no ${policy.kind}`
      : `${name} is a PostgreSQL database, and this policy takes files`
    const hint = isFiles
      ? 'Take it into a policy of kind files.'
      : 'Take it into a policy of kind dump, base or incremental, or give the source `kind: files`.'
    return [{ severity: 'error', path: [...path, 'sources', i], message, hint }]
  })
}

function onChangeFindings(id: string, policy: Raw): Finding[] {
  if (block(policy.schedule).onChange === undefined || policy.kind === 'files') return []
  const path: Path = ['policies', id, 'schedule', 'onChange']
  const hint = 'Remove it; of a database WAL catches every change (`wal`).'
  return [{ severity: 'error', path, at: 'key', message: 'only trees of files are watched for changes', hint }]
}

function walFindings(id: string, sources: Raw): Finding[] {
  if (block(sources[id]).kind !== 'files') return []
  const hint = 'Remove it here; changes of files are caught by a policy of kind files.'
  return [
    {
      severity: 'error',
      path: ['wal', id],
      at: 'key',
      message: `${id} is a folder with files and writes no WAL`,
      hint,
    },
  ]
}

function treeFindings(id: string, source: Raw): Finding[] {
  const excluded = new Set(list(source.exclude).map((each) => bare(text(each))))
  return list(source.include).flatMap((each, i): Finding[] => {
    const path: Path = ['sources', id, 'include', i]
    if (!excluded.has(bare(text(each)))) return []
    return [
      { severity: 'error', path, message: 'is excluded as well', hint: 'Remove it from include or from exclude.' },
    ]
  })
}

function bare(path: string | undefined): string {
  return (path ?? '').replace(/^(\.\/)+/, '').replace(/\/+$/, '')
}

/** A spool inside the tree would grow by each backup of it. */
function spoolFindings(id: string, source: Raw, raw: Raw): Finding[] {
  const spool = text(block(block(block(raw.agents)[text(source.agent) ?? '']).spool).path)
  const root = text(source.root)
  if (spool === undefined || root === undefined) return []
  const inside = `${spool}/`.startsWith(root.endsWith('/') ? root : `${root}/`)
  const below = spool.slice(root.length).replace(/^\/+/, '').replace(/\/+$/, '')
  const excluded = list(source.exclude).some((each) => covers(bare(text(each)), below))
  const included =
    list(source.include).length === 0 || list(source.include).some((each) => covers(bare(text(each)), below))
  if (!inside || excluded || !included) return []
  const hint = `Add ${below} to exclude, or move the spool.`
  return [
    {
      severity: 'error',
      path: ['sources', id, 'root'],
      message: `the spool of its own agent lies inside (${spool})`,
      hint,
    },
  ]
}

function covers(pattern: string, below: string): boolean {
  return pattern === below || below.startsWith(`${pattern}/`) || below.split('/').includes(pattern)
}
