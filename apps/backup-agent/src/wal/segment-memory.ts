/** The one that is written and those that are compressed: more than this is never in use at a time. */
const MOST_SPARE = 2

/** Memory of one segment that several may look at; free again when the last of them gave it back. */
export interface Held {
  readonly bytes: Buffer
  /** @returns gives back what was taken by this call; a second call of it does nothing */
  share(): () => void
}

/**
 * The memory segments are laid into, used again and again: sixteen megabytes that are let go come back from the collector too late to be counted on.
 */
export class SegmentMemory {
  #spare: Buffer[] = []

  /** @returns memory whose contents are left over from an earlier use; it belongs to the caller until everybody who shares it gave it back */
  take(bytes: number): Held {
    const buffer = this.#reuse(bytes) ?? Buffer.allocUnsafeSlow(bytes)
    let users = 0
    return {
      bytes: buffer,
      share: () => {
        users += 1
        let mine = true
        return () => {
          if (mine && --users === 0) this.#keep(buffer)
          mine = false
        }
      },
    }
  }

  #reuse(bytes: number): Buffer | undefined {
    // A cluster made anew may have segments of another size.
    this.#spare = this.#spare.filter(({ byteLength }) => byteLength === bytes)
    return this.#spare.pop()
  }

  #keep(buffer: Buffer): void {
    if (this.#spare.length < MOST_SPARE) this.#spare.push(buffer)
  }
}
