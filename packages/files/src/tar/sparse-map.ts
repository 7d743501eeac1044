import { BLOCK_BYTES } from './header.ts'

export interface Extent {
  offset: number
  bytes: number
}

/**
 * The map that stands before the data of a sparse file (format 1.0): decimal numbers, a line each, padded to whole blocks – how many extents,
 * then offset and length of each.
 *
 * @see https://www.gnu.org/software/tar/manual/html_node/PAX-1.html
 */
export class SparseMap {
  #text = ''
  #blocks = 0

  /** Takes a block. @returns the extents once all are known @throws Error – no such map */
  add(block: Buffer): Extent[] | undefined {
    this.#text += block.toString('latin1')
    this.#blocks++
    const lines = this.#text.split('\n')
    const count = lines.length > 1 ? numberIn(lines[0]) : undefined
    if (count === undefined || lines.length < 2 + 2 * count) return undefined
    return Array.from({ length: count }, (_, at) => {
      return { offset: numberIn(lines[1 + 2 * at]), bytes: numberIn(lines[2 + 2 * at]) }
    })
  }

  get bytes(): number {
    return this.#blocks * BLOCK_BYTES
  }
}

function numberIn(line = ''): number {
  if (!/^\d+$/.test(line)) throw new Error('a malformed map of a sparse file')
  return Number(line)
}
