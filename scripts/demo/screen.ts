/** What goes on, for people, on standard error: lines that stay, and one that is redrawn where there is a terminal. */
export interface Screen {
  chapter(title: string): void
  say(text: string): void
  live(text: string): void
  /** Milliseconds since the beginning. */
  elapsedMs(): number
}

export function openScreen(out: NodeJS.WriteStream): Screen {
  const begunMs = performance.now()
  const elapsedMs = () => performance.now() - begunMs
  const bold = (text: string) => (out.isTTY ? `\u001b[1m${text}\u001b[22m` : text)
  let drawn = false
  const clear = () => {
    if (drawn) out.write('\r\u001b[2K')
    drawn = false
  }
  const say = (text: string) => {
    clear()
    out.write(`${stopwatch(elapsedMs()).padStart(6)}  ${text}\n`)
  }
  return {
    elapsedMs,
    say,
    chapter(title) {
      clear()
      out.write(`\n${bold(title)}\n`)
    },
    live(text) {
      if (!out.isTTY) return
      clear()
      out.write(`        ${text}`.slice(0, (out.columns ?? 80) - 1))
      drawn = true
    },
  }
}

/** `0:07`, `12:40` */
export function stopwatch(ms: number): string {
  const seconds = Math.round(ms / 1000)
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
}
