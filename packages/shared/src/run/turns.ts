/** Room for so many at the same time; the others wait in the order they came. */
export interface Turns {
  /** Whether somebody would be let in at once. */
  readonly free: boolean
  /** @throws the signal's reason while waiting */
  take(signal: AbortSignal): Promise<Disposable>
}

export function turns(atOnce: number): Turns {
  let free = atOnce
  const waiting: (() => void)[] = []
  const pass = () => {
    const next = waiting.shift()
    if (next) next()
    else free += 1
  }
  return {
    get free() {
      return free > 0
    },
    async take(signal) {
      signal.throwIfAborted()
      if (free > 0) free -= 1
      else await inLine(waiting, signal)
      return once(pass)
    },
  }
}

function inLine(waiting: (() => void)[], signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const come = () => {
      signal.removeEventListener('abort', leave)
      resolve()
    }
    const leave = () => {
      waiting.splice(waiting.indexOf(come), 1)
      reject(signal.reason)
    }
    waiting.push(come)
    signal.addEventListener('abort', leave, { once: true })
  })
}

function once(pass: () => void): Disposable {
  let passed = false
  return {
    [Symbol.dispose]() {
      if (!passed) pass()
      passed = true
    },
  }
}
