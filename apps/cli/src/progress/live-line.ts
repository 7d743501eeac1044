import type { Progress } from '@lifeboat/shared/run/run.ts'
import { formatBytes, formatDuration } from '@lifeboat/shared/time/duration.ts'
import type { Terminal } from '../terminal.ts'
import { Meter, type Pace } from './rate.ts'

/** Between two plain lines about the same phase, where no line can be redrawn. */
const PLAIN_EVERY_MS = 10_000
/** Nobody should sit before a terminal that says nothing for longer than this … */
const QUIET_MS = 5_000
/** … nor be told the same all the time. */
const STILL_QUIET_MS = 60_000

/** Where progress is told. */
export type Line = Pick<LiveLine, 'progress' | 'say'>

interface Told {
  meter: Meter
  phase: string
  /** When a plain line told of it last. */
  plainAtMs: number
}

/**
 * What goes on, for people, on standard error: one line that is redrawn on a terminal; elsewhere a line when the phase changes and every
 * ten seconds. Silent with `--json`.
 */
export class LiveLine implements Disposable {
  readonly #terminal: Pick<Terminal, 'err' | 'liveWidth'>
  readonly silent: boolean
  /** By whose progress it is. */
  readonly #told = new Map<string, Told>()
  #drawn = false
  #quiet: NodeJS.Timeout | undefined
  #whenQuiet: string | undefined

  constructor(terminal: Pick<Terminal, 'err' | 'liveWidth'>, opts: { silent: boolean }) {
    this.#terminal = terminal
    this.silent = opts.silent
  }

  progress(report: Progress, nowMs: number): void {
    this.#tell(report, nowMs, '')
  }

  /** The same line for one of several runs: each is named, and measured by itself. */
  of(name: string): Line {
    return {
      progress: (report, nowMs) => this.#tell(report, nowMs, `${name}: `),
      say: (text) => this.say(`${name}: ${text}`),
    }
  }

  /** A line that stays. */
  say(text: string): void {
    this.#listen(QUIET_MS)
    this.#print(text)
  }

  /** Says this whenever nothing was heard for a while, until what it gives is disposed. */
  whenQuiet(text: string): Disposable {
    this.#whenQuiet = text
    this.#listen(QUIET_MS)
    return { [Symbol.dispose]: () => this.#stopListening() }
  }

  [Symbol.dispose](): void {
    this.#stopListening()
    this.#clear()
  }

  #stopListening(): void {
    this.#whenQuiet = undefined
    clearTimeout(this.#quiet)
  }

  #listen(ms: number): void {
    clearTimeout(this.#quiet)
    const text = this.#whenQuiet
    if (text === undefined) return
    this.#quiet = setTimeout(() => {
      this.#print(text)
      this.#listen(STILL_QUIET_MS)
    }, ms).unref()
  }

  #tell(report: Progress, nowMs: number, head: string): void {
    this.#listen(QUIET_MS)
    const told = this.#told.get(head) ?? { meter: new Meter(), phase: '', plainAtMs: Number.NEGATIVE_INFINITY }
    this.#told.set(head, told)
    const text = `${head}${progressText(report, told.meter.note(report, nowMs))}`
    if (this.silent) return
    if (this.#terminal.liveWidth !== undefined) this.#draw(text, this.#terminal.liveWidth)
    else if (report.phase !== told.phase || nowMs - told.plainAtMs >= PLAIN_EVERY_MS) {
      told.plainAtMs = nowMs
      this.#terminal.err(`${text}\n`)
    }
    told.phase = report.phase
  }

  #print(text: string): void {
    if (this.silent) return
    this.#clear()
    this.#terminal.err(`${text}\n`)
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
  // Many phases count nothing; they say that they have begun.
  if (!total && done === 0) return phase
  const reached = total ? `${Math.floor((100 * done) / total)} % of ${amount(total)}` : amount(done)
  const rate = pace.perSecond === undefined ? '' : `, ${amount(pace.perSecond)}/s`
  const left = pace.etaMs === undefined || done === total ? '' : `, ${formatDuration(pace.etaMs)} left`
  return `${phase}  ${reached}${rate}${left}`
}
