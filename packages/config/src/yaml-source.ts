import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, type Pair, parseDocument } from 'yaml'

export type Path = readonly (string | number)[]
export interface Position {
  line: number
  column: number
}

/** A YAML text that still knows where each value stands. */
export interface YamlSource {
  /** Plain values; undefined when the text is no YAML at all. */
  readonly value: unknown
  /** What YAML itself has to say: syntax, duplicate keys. */
  readonly faults: readonly { message: string; duplicateKey: boolean; at: Position }[]
  /** Of the value (or, with `key`, of its key); the nearest enclosing place when it is missing. */
  position(path: Path, what: 'key' | 'value'): Position
}

export function parseYaml(text: string): YamlSource {
  const lines = new LineCounter()
  const doc = parseDocument(text, { lineCounter: lines, prettyErrors: false, merge: true })
  const at = (offset: number): Position => {
    const { line, col } = lines.linePos(offset)
    return { line: Math.max(line, 1), column: Math.max(col, 1) }
  }
  const faults = [...doc.errors, ...doc.warnings].map((fault) => ({
    message: fault.message,
    duplicateKey: fault.code === 'DUPLICATE_KEY',
    at: at(fault.pos[0]),
  }))
  const broken = faults.some((fault) => !fault.duplicateKey)
  return {
    value: broken ? undefined : doc.toJS(),
    faults,
    position: (path, what) => at(offsetOf(doc as Document<Node>, path, what)),
  }
}

function offsetOf(doc: Document<Node>, path: Path, what: 'key' | 'value'): number {
  let node: unknown = doc.contents
  let offset = startOf(node) ?? 0
  for (const [depth, step] of path.entries()) {
    if (isAlias(node)) node = node.resolve(doc)
    const last = depth === path.length - 1
    if (isMap(node)) {
      const pair: Pair | undefined = node.items.find((item) => keyText(item.key) === String(step))
      if (!pair) return offset
      offset = (last && what === 'key' ? undefined : startOf(pair.value)) ?? startOf(pair.key) ?? offset
      // An enclosing block is shown by its own key, not by its first child.
      if (!last || isMap(pair.value) || isSeq(pair.value)) offset = startOf(pair.key) ?? offset
      node = pair.value
    } else if (isSeq(node)) {
      const item: unknown = node.items[Number(step)]
      if (item === undefined) return offset
      offset = startOf(item) ?? offset
      node = item
    } else return offset
  }
  return offset
}

function keyText(key: unknown): string {
  return isScalar(key) ? String(key.value) : String(key)
}

function startOf(node: unknown): number | undefined {
  return (node as Node | null | undefined)?.range?.[0]
}
