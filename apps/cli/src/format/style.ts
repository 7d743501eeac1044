/** Colours by meaning; each is the identity where colours are not wanted. */
export interface Style {
  good(text: string): string
  warn(text: string): string
  bad(text: string): string
  dim(text: string): string
  bold(text: string): string
}

export function styleFor(colour: boolean): Style {
  const paint = (open: number, close: number) => (text: string) =>
    colour && text !== '' ? `\u001b[${open}m${text}\u001b[${close}m` : text
  return { good: paint(32, 39), warn: paint(33, 39), bad: paint(31, 39), dim: paint(2, 22), bold: paint(1, 22) }
}
