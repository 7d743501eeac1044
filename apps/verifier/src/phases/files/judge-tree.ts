import {
  attributesUnavailable,
  listed,
  problemOfArchives,
  problemOfAttributes,
  problemOfMembers,
  problemOfOwners,
  sum,
} from '@lifeboat/recovery/files/judge-replayed.ts'
import type { Replayed } from '@lifeboat/recovery/files/replay-chain.ts'
import { formatBytes } from '@lifeboat/shared/time/duration.ts'
import { type Answer, failed, passed, skipped } from '../../findings.ts'

/** Could everything be extracted, and into the folder only? */
export function answerExtract(replayed: readonly Replayed[]): Answer {
  const problem = problemOfArchives(replayed)
  if (problem !== undefined) return failed(problem)
  const members = replayed.reduce((total, { extracted }) => total + extracted.members, 0)
  const deleted = replayed.reduce((total, { extracted }) => total + extracted.deleted, 0)
  const archives = replayed.length === 1 ? 'one archive' : `${replayed.length} archives, one over the other`
  const gone = deleted === 0 ? '' : `, ${deleted} deletions followed`
  return passed(`${members} members extracted from ${archives}${gone}${withheldText(replayed)}.`)
}

/** Is what was extracted what was archived? */
export function answerMembers(replayed: readonly Replayed[]): Answer {
  const problem = problemOfMembers(replayed)
  if (problem !== undefined) return failed(problem)
  const total = (of: 'files' | 'links' | 'bytes') => replayed.reduce((all, { compared }) => all + compared[of], 0)
  return passed(
    `${total('files')} files of ${formatBytes(total('bytes'))} and ${total('links')} links are as the list says: contents, modes, places.`,
  )
}

export function answerOwners(replayed: readonly Replayed[]): Answer {
  if (replayed.some(({ compared }) => !compared.owners.compared))
    return skipped('The verifier does not run as root, so it cannot give files to their owners.')
  const problem = problemOfOwners(replayed)
  return problem === undefined ? passed('Every file and folder has the owner the list says.') : failed(problem)
}

/** Attributes for which a drill sets nothing on its own host are told, and hold by the list. */
export function answerAttributes(replayed: readonly Replayed[]): Answer {
  const total = (of: 'compared' | 'listed') => replayed.reduce((all, { compared }) => all + compared.attributes[of], 0)
  if (total('compared') + total('listed') === 0)
    return passed('No file has extended attributes or access control lists.')
  const why = attributesUnavailable(replayed)
  if (why !== undefined) return skipped(`Extended attributes were not compared: ${why}.`)
  const problem = problemOfAttributes(replayed)
  if (problem !== undefined) return failed(problem)
  const others = total('listed') === 0 ? '' : `; ${total('listed')} have such as only the kernel acts on, not set here`
  return passed(
    `Extended attributes and access control lists of ${total('compared')} members are as the list says${others}.`,
  )
}

const WORDS = {
  'link-outside': 'links that lead outside',
  'special-file': 'special files',
  'set-id': 'set-user-id or set-group-id bits',
} as const

function withheldText(replayed: readonly Replayed[]): string {
  const told = Object.entries(WORDS).flatMap(([why, words]) => {
    const all = sum(replayed.flatMap(({ extracted }) => extracted.withheld[why as keyof typeof WORDS] ?? []))
    return all.count === 0 ? [] : [`${all.count} ${words} (${listed(all)})`]
  })
  return told.length === 0 ? '' : `; not made on this host, and compared by the list only: ${told.join(', ')}`
}
