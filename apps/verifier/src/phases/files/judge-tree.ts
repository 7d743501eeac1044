import type { NamedFiles } from '@lifeboat/shared/domain/manifest.ts'
import { formatBytes } from '@lifeboat/shared/time/duration.ts'
import { type Answer, failed, passed, skipped } from '../../findings.ts'
import type { Replayed } from './replay-chain.ts'

const SHOWN = 5

/** Could everything be extracted, and into the folder only? */
export function answerExtract(replayed: readonly Replayed[]): Answer {
  const problem = replayed.find(({ extracted }) => extracted.problem !== undefined)
  if (problem) return failed(`${problem.archive} is no whole archive: ${problem.extracted.problem}.`)
  const refused = sum(replayed.map(({ extracted }) => extracted.refused))
  if (refused.count > 0) return failed(`${refused.count} members were refused: ${list(refused)}.`)
  const missing = missingOf(replayed)
  if (missing.count > 0)
    return failed(
      `${missing.count} files did not change since an earlier backup, and none of the chain has them: ${list(missing)}.`,
    )
  const members = replayed.reduce((total, { extracted }) => total + extracted.members, 0)
  const deleted = replayed.reduce((total, { extracted }) => total + extracted.deleted, 0)
  const archives = replayed.length === 1 ? 'one archive' : `${replayed.length} archives, one over the other`
  const gone = deleted === 0 ? '' : `, ${deleted} deletions followed`
  return passed(`${members} members extracted from ${archives}${gone}${withheldText(replayed)}.`)
}

/** Is what was extracted what was archived? */
export function answerMembers(replayed: readonly Replayed[]): Answer {
  const problem = replayed.find(({ compared }) => compared.problem !== undefined)
  if (problem) return failed(`The list beside ${problem.archive} cannot be read: ${problem.compared.problem}.`)
  const uneven = replayed.find(({ extracted, compared }) => extracted.members !== compared.members)
  if (uneven)
    return failed(`${uneven.archive} has ${uneven.extracted.members} members and its list ${uneven.compared.members}.`)
  const differing = sum(replayed.map(({ compared }) => compared.differing))
  if (differing.count > 0) return failed(`${differing.count} members differ from the list: ${list(differing)}.`)
  const total = (of: 'files' | 'links' | 'bytes') => replayed.reduce((all, { compared }) => all + compared[of], 0)
  return passed(
    `${total('files')} files of ${formatBytes(total('bytes'))} and ${total('links')} links are as the list says: contents, modes, places.`,
  )
}

export function answerOwners(replayed: readonly Replayed[]): Answer {
  if (replayed.some(({ compared }) => !compared.owners.compared))
    return skipped('The verifier does not run as root, so it cannot give files to their owners.')
  const owners = sum(replayed.map(({ compared }) => compared.owners))
  if (owners.count > 0) return failed(`${owners.count} members have another owner: ${list(owners)}.`)
  return passed('Every file and folder has the owner the list says.')
}

/** Attributes for which a drill sets nothing on its own host are told, and hold by the list. */
export function answerAttributes(replayed: readonly Replayed[]): Answer {
  const total = (of: 'compared' | 'listed') => replayed.reduce((all, { compared }) => all + compared.attributes[of], 0)
  if (total('compared') + total('listed') === 0)
    return passed('No file has extended attributes or access control lists.')
  const unavailable = replayed.map(
    ({ extracted, compared }) => extracted.attributesUnavailable ?? compared.attributes.unavailable,
  )
  const why = unavailable.find((each) => each !== undefined)
  if (why !== undefined) return skipped(`Extended attributes were not compared: ${why}.`)
  const differing = sum(replayed.map(({ compared }) => compared.attributes))
  if (differing.count > 0)
    return failed(`${differing.count} members have other attributes than the list says: ${list(differing)}.`)
  const listed = total('listed') === 0 ? '' : `; ${total('listed')} have such as only the kernel acts on, not set here`
  return passed(
    `Extended attributes and access control lists of ${total('compared')} members are as the list says${listed}.`,
  )
}

/** What an earlier list says was left out (a socket) is missed by nobody. */
function missingOf(replayed: readonly Replayed[]): NamedFiles {
  const left = new Set(replayed.flatMap(({ compared }) => compared.left))
  const missing = replayed.flatMap(({ extracted }) => extracted.missing.names).filter((name) => !left.has(name))
  const unnamed = replayed.reduce((all, { extracted: { missing } }) => all + missing.count - missing.names.length, 0)
  const paths = missing.map((name) => Buffer.from(name, 'latin1').toString())
  return { count: missing.length + unnamed, paths }
}

const WORDS = {
  'link-outside': 'links that lead outside',
  'special-file': 'special files',
  'set-id': 'set-user-id or set-group-id bits',
} as const

function withheldText(replayed: readonly Replayed[]): string {
  const told = Object.entries(WORDS).flatMap(([why, words]) => {
    const all = sum(replayed.flatMap(({ extracted }) => extracted.withheld[why as keyof typeof WORDS] ?? []))
    return all.count === 0 ? [] : [`${all.count} ${words} (${list(all)})`]
  })
  return told.length === 0 ? '' : `; not made on this host, and compared by the list only: ${told.join(', ')}`
}

function sum(lists: readonly NamedFiles[]): NamedFiles {
  return {
    count: lists.reduce((total, { count }) => total + count, 0),
    paths: lists.flatMap(({ paths }) => paths),
  }
}

function list({ count, paths }: NamedFiles): string {
  const shown = paths.slice(0, SHOWN).join(', ')
  return count > SHOWN ? `${shown} and ${count - Math.min(SHOWN, paths.length)} more` : shown
}
