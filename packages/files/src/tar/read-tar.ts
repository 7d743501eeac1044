import { BLOCK_BYTES, type Header, isEnd, readHeader } from './header.ts'
import type { TarMember } from './member.ts'
import { PaxRecords, readPax } from './pax.ts'
import { type Extent, SparseMap } from './sparse-map.ts'

/** Told what is in an archive as it passes: a member, its contents in order where it is a file, its end. */
export interface TarListener {
  begin(member: TarMember): void
  /** Valid only until the listener returns. */
  data(chunk: Buffer): void
  /** Zeros that are not in the archive. */
  hole(bytes: number): void
  end(): void
}

/** Where in a sparse file its data has come to. */
interface Scattering {
  extents: readonly Extent[]
  at: number
  index: number
  inExtent: number
}

/** Longer ones are nobody's; the contents of a folder of ten million names fit. */
const LONGEST_HEADER_BYTES = 1024 ** 3

/**
 * Takes an archive apart as its bytes come, in pieces of any size. Holds one header at a time, whatever the size of the archive.
 *
 * Pushed, not pulled, and without a promise: it runs inside programs that do nothing else and for every block of a terabyte.
 */
export class TarReader {
  readonly #to: TarListener
  #pax = new PaxRecords()
  /** A block or an extended header whose end has not come yet. */
  #held: Buffer[] = []
  #heldBytes = 0
  #wanted = BLOCK_BYTES
  #reads: 'header' | 'extended' | 'global' | 'map' | 'data' = 'header'
  /** Contents still to come, and the padding behind them. */
  #left = 0
  #padding = 0
  /** The padding behind the member that is open. */
  #storedPadding = 0
  #map: SparseMap | undefined
  #sparse: Scattering | undefined
  #realBytes = 0
  #ended = false

  constructor(to: TarListener) {
    this.#to = to
  }

  /** Whether the archive came to its end. */
  get complete(): boolean {
    return this.#ended
  }

  /** @throws Error – the bytes are no archive of GNU tar in POSIX format */
  add(piece: Buffer): void {
    for (let at = 0; at < piece.length; ) {
      if (this.#reads === 'data' && this.#left > 0) at += this.#contents(piece.subarray(at, at + this.#left))
      else if (this.#padding > 0) at += this.#skip(piece.length - at)
      else at += this.#collect(piece, at)
    }
  }

  #skip(available: number): number {
    const skipped = Math.min(this.#padding, available)
    this.#padding -= skipped
    return skipped
  }

  #collect(piece: Buffer, at: number): number {
    const wanted = this.#wanted
    if (this.#heldBytes === 0 && piece.length - at >= wanted) {
      this.#whole(piece, at)
      return wanted
    }
    const taken = Buffer.from(piece.subarray(at, at + wanted - this.#heldBytes))
    this.#held.push(taken)
    this.#heldBytes += taken.length
    if (this.#heldBytes < wanted) return taken.length
    const block = Buffer.concat(this.#held)
    this.#held = []
    this.#heldBytes = 0
    this.#whole(block, 0)
    return taken.length
  }

  #whole(bytes: Buffer, at: number): void {
    if (this.#reads === 'header') this.#header(bytes, at)
    else if (this.#reads === 'map') this.#mapBlock(bytes.subarray(at, at + BLOCK_BYTES))
    else this.#extended(bytes, at)
  }

  #header(bytes: Buffer, at: number): void {
    // What follows the zeros at the end is padding of the last record.
    if (this.#ended) return
    if (bytes[at] === 0 && isEnd(bytes, at)) {
      this.#ended = true
      return
    }
    const header = readHeader(bytes, at, this.#pax)
    if (header.is === 'member') this.#member(header)
    else this.#expectExtended(header)
  }

  #expectExtended({ is, stored }: Exclude<Header, { is: 'member' }>): void {
    if (stored > LONGEST_HEADER_BYTES) throw new Error('an extended header without end')
    if (stored === 0) return
    this.#reads = is
    this.#wanted = stored
  }

  #extended(bytes: Buffer, at: number): void {
    // Global headers of GNU tar hold nothing a member needs.
    if (this.#reads === 'extended') readPax(bytes, at, at + this.#wanted, this.#pax)
    this.#padding = paddingOf(this.#wanted)
    this.#reads = 'header'
    this.#wanted = BLOCK_BYTES
  }

  #member({ member, stored, sparse }: Extract<Header, { is: 'member' }>): void {
    this.#pax = new PaxRecords()
    this.#to.begin(member)
    this.#left = stored
    this.#padding = 0
    this.#realBytes = member.bytes
    this.#sparse = undefined
    if (sparse) {
      this.#map = new SparseMap()
      this.#reads = 'map'
    } else if (stored > 0) this.#reads = 'data'
    else this.#to.end()
    this.#storedPadding = paddingOf(stored)
  }

  #mapBlock(block: Buffer): void {
    const map = this.#map as SparseMap
    this.#left -= block.length
    const extents = map.add(block)
    if (extents === undefined) {
      if (this.#left <= 0) throw new Error('a map of a sparse file without end')
      return
    }
    this.#map = undefined
    this.#reads = 'data'
    this.#sparse = { extents, at: 0, index: 0, inExtent: 0 }
    if (this.#left === 0) this.#finish()
  }

  #contents(chunk: Buffer): number {
    this.#left -= chunk.length
    if (this.#sparse === undefined) this.#to.data(chunk)
    else this.#scatter(chunk)
    if (this.#left === 0) this.#finish()
    return chunk.length
  }

  #scatter(chunk: Buffer): void {
    const sparse = this.#sparse as Scattering
    for (let from = 0; from < chunk.length; ) {
      const extent = sparse.extents[sparse.index]
      if (extent === undefined) throw new Error('a sparse file with more data than its map has')
      if (sparse.inExtent === 0) this.#holeTo(extent.offset)
      const part = chunk.subarray(from, from + extent.bytes - sparse.inExtent)
      this.#to.data(part)
      sparse.at += part.length
      sparse.inExtent += part.length
      from += part.length
      if (sparse.inExtent < extent.bytes) continue
      sparse.inExtent = 0
      do sparse.index++
      while (sparse.extents[sparse.index]?.bytes === 0)
    }
  }

  #holeTo(offset: number): void {
    const sparse = this.#sparse as Scattering
    if (offset < sparse.at) throw new Error('a map of a sparse file that goes back')
    if (offset > sparse.at) this.#to.hole(offset - sparse.at)
    sparse.at = offset
  }

  #finish(): void {
    if (this.#sparse) this.#holeTo(this.#realBytes)
    this.#sparse = undefined
    this.#padding = this.#storedPadding
    this.#reads = 'header'
    this.#to.end()
  }
}

function paddingOf(bytes: number): number {
  return (BLOCK_BYTES - (bytes % BLOCK_BYTES)) % BLOCK_BYTES
}
