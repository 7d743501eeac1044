import { isUtf8 } from 'node:buffer'

/** A name for people, on one line: what is no printable UTF-8 stands as an octal escape, as tar prints it. */
export function printable(name: Buffer): string {
  const isText = isUtf8(name)
  const characters = isText ? [...name.toString('utf8')] : [...name.toString('latin1')]
  return characters.map((each) => (isPrintable(each, isText) ? each : octal(each))).join('')
}

function isPrintable(character: string, isText: boolean): boolean {
  const code = character.codePointAt(0) ?? 0
  return code >= 0x20 && code !== 0x7f && (isText || code < 0x80)
}

function octal(character: string): string {
  return `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`
}
