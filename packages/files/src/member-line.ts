import { isUtf8 } from 'node:buffer'
import { hash } from 'node:crypto'
import type { MemberType, TarMember } from './tar/member.ts'

/** One line of the list of members (`files.jsonl`), in the order of the archive. */
export interface MemberLine extends Named {
  type: MemberType
  /** Permission bits, setuid, setgid and sticky among them. */
  mode: number
  uid: number
  gid: number
  user: string
  group: string
  /** Seconds since 1970, with a fraction. */
  mtime: string
  /** Of a file: its length and the digest of its contents as archived, holes as zeros. */
  bytes?: number
  sha256?: string
  linksTo?: string
  linksToBase64?: string
  /** Extended attributes and access control lists that stand in the archive: name → SHA-256 of the value. */
  xattrs?: Record<string, string>
}

/** What was there and is not in the archive; stands in the list too. */
export interface LeftLine extends Named {
  /** `vanished`, `unreadable`, `special` … */
  left: string
}

/** A name as JSON can hold it: text, or base64 where its bytes are no UTF-8. */
interface Named {
  name?: string
  nameBase64?: string
}

/** What is the same in JSON and out of it. */
const PLAIN = /^[ !#-[\]-~]*$/

/**
 * Makes the line of a member, its end included. Put together by hand, what is as with the member before taken from there: JSON.stringify costs as much
 * as the digest of a small file.
 *
 * @returns (member, SHA-256 of the contents of a file) → line
 */
export function memberLines(): (member: TarMember, sha256: string | undefined) => string {
  let before: TarMember | undefined
  let rights = ''
  return (member, sha256) => {
    if (before === undefined || !isAlike(member, before)) rights = rightsOf(member)
    before = member
    const { name, mtime, bytes, linksTo, xattrs } = member
    const contents = sha256 === undefined ? '' : `,"bytes":${bytes},"sha256":"${sha256}"`
    const link = linksTo === undefined ? '' : `,${asField('linksTo', linksTo)}`
    const attributes = xattrs === undefined ? '' : `,"xattrs":${digestsOf(xattrs)}`
    return `{${asField('name', name)}${rights}"${mtime}"${contents}${link}${attributes}}\n`
  }
}

function isAlike(one: TarMember, other: TarMember): boolean {
  return (
    one.mode === other.mode &&
    one.type === other.type &&
    one.uid === other.uid &&
    one.gid === other.gid &&
    one.user === other.user &&
    one.group === other.group
  )
}

function rightsOf({ type, mode, uid, gid, user, group }: TarMember): string {
  const owner = `"uid":${uid},"gid":${gid},"user":${asText(user)},"group":${asText(group)}`
  return `,"type":"${type}","mode":${mode},${owner},"mtime":`
}

/** @param name bytes as latin1 */
export function leftLine(name: string, left: string): string {
  return `{${asField('name', name)},"left":${JSON.stringify(left)}}\n`
}

function asField(key: 'name' | 'linksTo', latin1: string): string {
  if (PLAIN.test(latin1)) return `"${key}":"${latin1}"`
  const bytes = Buffer.from(latin1, 'latin1')
  return isUtf8(bytes)
    ? `"${key}":${JSON.stringify(bytes.toString('utf8'))}`
    : `"${key}Base64":"${bytes.toString('base64')}"`
}

function asText(latin1: string): string {
  return PLAIN.test(latin1) ? `"${latin1}"` : JSON.stringify(Buffer.from(latin1, 'latin1').toString('utf8'))
}

function digestsOf(xattrs: ReadonlyMap<string, string>): string {
  const digests = [...xattrs].map(([name, value]) => [name, hash('sha256', Buffer.from(value, 'latin1'))])
  return JSON.stringify(Object.fromEntries(digests))
}

export function nameOf({ name = '', nameBase64 }: Named): Buffer {
  return nameBase64 === undefined ? Buffer.from(name) : Buffer.from(nameBase64, 'base64')
}

export function linkOf({ linksTo = '', linksToBase64 }: MemberLine): Buffer {
  return linksToBase64 === undefined ? Buffer.from(linksTo) : Buffer.from(linksToBase64, 'base64')
}
