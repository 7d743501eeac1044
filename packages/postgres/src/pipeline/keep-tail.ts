const KEEP_BYTES = 16 * 1024

export interface Tail {
  add(line: string): void
  text(): string
}

/** Keeps the last lines of something that may talk forever, 16 KiB at most. */
export function keepTail(limit = KEEP_BYTES): Tail {
  let lines: string[] = []
  let size = 0
  return {
    add(line) {
      const kept = line.slice(-limit)
      lines.push(kept)
      size += kept.length + 1
      let drop = 0
      while (size > limit && drop < lines.length - 1) size -= (lines[drop++]?.length ?? 0) + 1
      if (drop > 0) lines = lines.slice(drop)
    },
    text: () => lines.join('\n'),
  }
}
