const WINDOW_MS = 3_600_000
const SAMPLE_EVERY_MS = 60_000

/** By how much what a slot keeps grew within the last hour, since it was least. */
export class Growth {
  #samples: { atMs: number; bytes: number }[] = []

  /** @param atMs never goes back */
  note(bytes: number, atMs: number): void {
    const last = this.#samples.at(-1)
    if (last !== undefined && atMs - last.atMs < SAMPLE_EVERY_MS) last.bytes = Math.min(last.bytes, bytes)
    else this.#samples.push({ atMs, bytes })
    this.#samples = this.#samples.filter((sample) => atMs - sample.atMs <= WINDOW_MS)
  }

  to(bytes: number): number {
    return Math.max(0, bytes - Math.min(...this.#samples.map((sample) => sample.bytes), bytes))
  }
}
