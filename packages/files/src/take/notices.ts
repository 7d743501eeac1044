import type { FileNotice, NamedFiles } from '@lifeboat/shared/domain/manifest.ts'
import { NAMED_PATHS } from '../gate/archive-gate.ts'
import { printable } from '../printable.ts'

export type Notices = Partial<Record<FileNotice, NamedFiles>>

/** tar's own words, with `LC_ALL=C`; each of them after `tar: <name>: `. */
const WORDS: readonly [RegExp, FileNotice][] = [
  [/^file changed as we read it$/, 'changed'],
  [/^File shrank by \d+ bytes?; padding with zeros$/, 'changed'],
  [/^(Warning: )?(File removed before we read it|Cannot (stat|open): No such file or directory)$/, 'vanished'],
  [/^(Warning: )?(Cannot (open|stat|read|readlink|savedir|close)|Read error at).*$/, 'unreadable'],
  [/^(directory|file) is on a different filesystem; not dumped$/, 'other-filesystem'],
  [/^(socket|door) ignored$|^Unknown file type; file ignored$/, 'special'],
]

/** What tar said about one file. */
export interface Said {
  notice: FileNotice
  name: Buffer
}

/**
 * Reads a line of tar's standard error; undefined where it is about no file.
 *
 * @see https://git.savannah.gnu.org/cgit/tar.git/tree/src/create.c – the messages
 */
export function readNotice(line: string): Said | undefined {
  const text = /^\S*tar: (.*)$/s.exec(line)?.[1]
  if (text === undefined) return undefined
  for (let colon = text.indexOf(': '); colon > 0; colon = text.indexOf(': ', colon + 1)) {
    const said = text.slice(colon + 2)
    const notice = WORDS.find(([words]) => words.test(said))?.[1]
    if (notice) return { notice, name: unescaped(text.slice(0, colon)) }
  }
  return undefined
}

/** Counts all and names the first. */
export function noteFile(notices: Notices, notice: FileNotice, name: Buffer): void {
  notices[notice] ??= { count: 0, paths: [] }
  const named = notices[notice]
  named.count++
  if (named.paths.length < NAMED_PATHS) named.paths.push(printable(name))
}

const ESCAPES: Record<string, number> = { a: 7, b: 8, f: 12, n: 10, r: 13, t: 9, v: 11, '\\': 92 }

/** Undoes tar's quoting style `escape`: `\n`, `\\`, `\303`. */
export function unescaped(quoted: string): Buffer {
  const bytes: number[] = []
  for (let at = 0; at < quoted.length; at++) {
    const octal = quoted[at] === '\\' ? /^[0-7]{3}/.exec(quoted.slice(at + 1, at + 4))?.[0] : undefined
    const letter = quoted[at] === '\\' ? ESCAPES[quoted[at + 1] ?? ''] : undefined
    if (octal !== undefined) {
      bytes.push(Number.parseInt(octal, 8))
      at += 3
    } else if (letter !== undefined) {
      bytes.push(letter)
      at++
    } else bytes.push(...Buffer.from(quoted[at] ?? ''))
  }
  return Buffer.from(bytes)
}
