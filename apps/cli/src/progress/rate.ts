const WINDOW_MS = 10_000

interface Sample {
  atMs: number
  done: number
}

export interface Pace {
  /** Units per second over the last ten seconds; undefined before anybody can tell. */
  perSecond?: number
  /** Milliseconds to the end at this pace; undefined without a total or without movement. */
  etaMs?: number
}

/** How fast something goes, from what it reported; a new phase begins anew. */
export class Meter {
  #samples: Sample[] = []
  #phase = ''

  note(report: { phase: string; done: number; total?: number | undefined }, atMs: number): Pace {
    if (report.phase !== this.#phase || report.done < (this.#samples.at(-1)?.done ?? 0)) this.#samples = []
    this.#phase = report.phase
    this.#samples.push({ atMs, done: report.done })
    this.#samples = this.#samples.filter((sample) => atMs - sample.atMs <= WINDOW_MS)
    const first = this.#samples[0] as Sample
    const seconds = (atMs - first.atMs) / 1000
    if (seconds <= 0) return {}
    const perSecond = (report.done - first.done) / seconds
    if (report.total === undefined || perSecond <= 0) return { perSecond }
    return { perSecond, etaMs: (Math.max(0, report.total - report.done) / perSecond) * 1000 }
  }
}
