import { isUtf8 } from 'node:buffer'
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
  /** How many extended attributes and access control lists stand in the archive. */
  xattrs?: number
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

/** @param sha256 of the contents of a file */
export function memberLine(member: TarMember, sha256: string | undefined): MemberLine {
  const { type, mode, uid, gid, user, group, mtime, bytes, linksTo, xattrs } = member
  return {
    ...asJson('name', member.name),
    ...{ type, mode, uid, gid, user, group, mtime },
    ...(sha256 === undefined ? {} : { bytes, sha256 }),
    ...(linksTo && asJson('linksTo', linksTo)),
    ...(xattrs > 0 && { xattrs }),
  }
}

export function leftLine(name: Buffer, left: string): LeftLine {
  return { ...asJson('name', name), left }
}

function asJson(key: 'name' | 'linksTo', bytes: Buffer): Record<string, string> {
  return isUtf8(bytes) ? { [key]: bytes.toString('utf8') } : { [`${key}Base64`]: bytes.toString('base64') }
}

export function nameOf({ name = '', nameBase64 }: Named): Buffer {
  return nameBase64 === undefined ? Buffer.from(name) : Buffer.from(nameBase64, 'base64')
}

export function linkOf({ linksTo = '', linksToBase64 }: MemberLine): Buffer {
  return linksToBase64 === undefined ? Buffer.from(linksTo) : Buffer.from(linksToBase64, 'base64')
}
