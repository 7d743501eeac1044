import type { Receipt, Target } from '@lifeboat/storage/target.ts'
import type { ClassSurvey, MoveMarks } from './buckets.ts'
import { judgeClass } from './judge-class.ts'

const SHOWN = 10

/** Counts what the classes of a list say, one object after the other. */
export class ClassCount {
  readonly #to: string | undefined
  readonly #marks: MoveMarks
  readonly #nowMs: number
  readonly #moved = { parts: 0, bytes: 0 }
  readonly #late = { parts: 0, bytes: 0 }
  readonly #offline: Receipt[] = []
  readonly #misplaced: Receipt[] = []
  #counts = { offline: 0, misplaced: 0 }
  #told = false

  constructor({ transition }: Pick<Target, 'transition'>, marks: MoveMarks, nowMs: number) {
    this.#to = transition?.class
    this.#marks = marks
    this.#nowMs = nowMs
  }

  at(receipt: Receipt): void {
    if (receipt.storageClass !== undefined) this.#told = true
    const judged = judgeClass(receipt, { to: this.#to, marks: this.#marks, nowMs: this.#nowMs })
    if (judged === 'offline' || judged === 'misplaced') this.#note(judged, receipt)
    else if (judged !== undefined) add(judged === 'moved' ? this.#moved : this.#late, receipt)
  }

  #note(judged: 'offline' | 'misplaced', receipt: Receipt): void {
    const shown = judged === 'offline' ? this.#offline : this.#misplaced
    this.#counts[judged] += 1
    if (shown.length < SHOWN) shown.push(receipt)
  }

  /** undefined where nothing has a class and nothing is marked. */
  end(): ClassSurvey | undefined {
    if (!this.#told && this.#to === undefined) return undefined
    const { offline, misplaced } = this.#counts
    const shown = [...this.#offline, ...this.#misplaced].slice(0, SHOWN)
    return {
      marks: this.#marks,
      moved: this.#moved,
      late: this.#late,
      misplaced: {
        objects: offline + misplaced,
        offline,
        shown: shown.map(({ key, storageClass = '' }) => ({ key, storageClass })),
      },
    }
  }
}

function add(count: { parts: number; bytes: number }, { bytes }: Receipt): void {
  count.parts += 1
  count.bytes += bytes
}
