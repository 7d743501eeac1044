import type { Progress } from '@lifeboat/shared/run/run.ts'
import { formatBytes, formatDuration } from '@lifeboat/shared/time/duration.ts'
import type { Terminal } from '../terminal.ts'
import { Meter, type Pace } from './rate.ts'

/** Between two plain lines about the same phase, where no line can be redrawn. */
const PLAIN_EVERY_MS = 10_000

/**
 * What goes on, for people, on standard error: one line that is redrawn on a terminal; elsewhere a line when the phase changes and every
 * ten seconds. Silent with `--json`.
 */
export class LiveLine implements Disposable {
  readonly #terminal: Pick<Terminal, 'err' | 'liveWidth'>
  readonly #silent: boolean
  readonly #meter = new Meter()
  #drawn = false
  #phase = ''
  #plainAtMs = Number.NEGATIVE_INFINITY

  constructor(terminal: Pick<Terminal, 'err' | 'liveWidth'>, opts: { silent: boolean }) {
    this.#terminal = terminal
    this.#silent = opts.silent
  }

  progress(report: Progress, nowMs: number): void {
    const pace = this.#meter.note(report, nowMs)
    const text = progressText(report, pace)
    if (this.#silent) return
    if (this.#terminal.liveWidth !== undefined) this.#draw(text, this.#terminal.liveWidth)
    else if (report.phase !== this.#phase || nowMs - this.#plainAtMs >= PLAIN_EVERY_MS) {
      this.#plainAtMs = nowMs
      this.#terminal.err(`${text}\n`)
    }
    this.#phase = report.phase
  }

  /** A line that stays. */
  say(text: string): void {
    if (this.#silent) return
    this.#clear()
    this.#terminal.err(`${text}\n`)
  }

  [Symbol.dispose](): void {
    this.#clear()
  }

  #draw(text: string, width: number): void {
    this.#terminal.err(`\r\u001b[2K${text.slice(0, Math.max(0, width - 1))}`)
    this.#drawn = true
  }

  #clear(): void {
    if (this.#drawn) this.#terminal.err('\r\u001b[2K')
    this.#drawn = false
  }
}

/** `dump  45 % of 1.2 GB, 35 MB/s, 20 s left` */
export function progressText({ phase, done, total, unit }: Progress, pace: Pace): string {
  const amount = (value: number) => (unit === 'bytes' ? formatBytes(value) : `${Math.round(value)} ${unit}`)
  const reached = total ? `${Math.floor((100 * done) / total)} % of ${amount(total)}` : amount(done)
  const rate = pace.perSecond === undefined ? '' : `, ${amount(pace.perSecond)}/s`
  const left = pace.etaMs === undefined || done === total ? '' : `, ${formatDuration(pace.etaMs)} left`
  return `${phase}  ${reached}${rate}${left}`
}
