/** The name says what to undo, from the right: it is the same for us and for a person without us. */
export function isCompressed({ name }: { name: string }): boolean {
  return name.endsWith('.zst.age')
}
