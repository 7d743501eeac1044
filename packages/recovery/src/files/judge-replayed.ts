import type { NamedFiles } from '@lifeboat/shared/domain/manifest.ts'
import type { Replayed } from './replay-chain.ts'

const SHOWN = 5

/** What is wrong with the archives themselves; undefined: all of them could be extracted, and into the folder only. */
export function problemOfArchives(replayed: readonly Replayed[]): string | undefined {
  const problem = replayed.find(({ extracted }) => extracted.problem !== undefined)
  if (problem) return `${problem.archive} is no whole archive: ${problem.extracted.problem}.`
  const refused = sum(replayed.map(({ extracted }) => extracted.refused))
  if (refused.count > 0) return `${refused.count} members were refused: ${listed(refused)}.`
  const missing = missingOf(replayed)
  if (missing.count === 0) return undefined
  return `${missing.count} files did not change since an earlier backup, and none of the chain has them: ${listed(missing)}.`
}

/** Nothing is passed over: a tree that is to stay is what was backed up, or does not. undefined: it is. */
export function problemOfTree(replayed: readonly Replayed[]): string | undefined {
  const unavailable = attributesUnavailable(replayed)
  return (
    problemOfArchives(replayed) ??
    problemOfMembers(replayed) ??
    problemOfOwners(replayed) ??
    (unavailable === undefined ? undefined : `Extended attributes could not be set: ${unavailable}.`) ??
    problemOfAttributes(replayed)
  )
}

/** Why what was extracted is not what was archived; undefined: it is. */
export function problemOfMembers(replayed: readonly Replayed[]): string | undefined {
  const problem = replayed.find(({ compared }) => compared.problem !== undefined)
  if (problem) return `The list beside ${problem.archive} cannot be read: ${problem.compared.problem}.`
  const uneven = replayed.find(({ extracted, compared }) => extracted.members !== compared.members)
  if (uneven)
    return `${uneven.archive} has ${uneven.extracted.members} members and its list ${uneven.compared.members}.`
  const differing = sum(replayed.map(({ compared }) => compared.differing))
  return differing.count === 0 ? undefined : `${differing.count} members differ from the list: ${listed(differing)}.`
}

export function problemOfOwners(replayed: readonly Replayed[]): string | undefined {
  const owners = sum(replayed.map(({ compared }) => compared.owners))
  return owners.count === 0 ? undefined : `${owners.count} members have another owner: ${listed(owners)}.`
}

export function problemOfAttributes(replayed: readonly Replayed[]): string | undefined {
  const differing = sum(replayed.map(({ compared }) => compared.attributes))
  return differing.count === 0
    ? undefined
    : `${differing.count} members have other attributes than the list says: ${listed(differing)}.`
}

/** Why attributes could not be set or read on this host; undefined: they could, or there were none. */
export function attributesUnavailable(replayed: readonly Replayed[]): string | undefined {
  return replayed
    .map(({ extracted, compared }) => extracted.attributesUnavailable ?? compared.attributes.unavailable)
    .find((each) => each !== undefined)
}

/** What an earlier list says was left out (a socket) is missed by nobody. */
function missingOf(replayed: readonly Replayed[]): NamedFiles {
  const left = new Set(replayed.flatMap(({ compared }) => compared.left))
  const missing = replayed.flatMap(({ extracted }) => extracted.missing.names).filter((name) => !left.has(name))
  const unnamed = replayed.reduce((all, { extracted: { missing } }) => all + missing.count - missing.names.length, 0)
  const paths = missing.map((name) => Buffer.from(name, 'latin1').toString())
  return { count: missing.length + unnamed, paths }
}

export function sum(lists: readonly NamedFiles[]): NamedFiles {
  return {
    count: lists.reduce((total, { count }) => total + count, 0),
    paths: lists.flatMap(({ paths }) => paths),
  }
}

/** The first of them, for people. */
export function listed({ count, paths }: NamedFiles): string {
  const shown = paths.slice(0, SHOWN).join(', ')
  return count > SHOWN ? `${shown} and ${count - Math.min(SHOWN, paths.length)} more` : shown
}
