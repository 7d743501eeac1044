import { PassThrough, pipeline, type Readable } from 'node:stream'

/**
 * Bodies for a put that may be tried several times: the first is open already, each further one is opened when it is asked for.
 *
 * Disposing it closes what was opened and not read.
 */
export function bodiesOf(first: Readable, again: () => Promise<Readable>): (() => Readable) & Disposable {
  const opened = new Set<Readable>([first])
  let next: Readable | undefined = first
  const body = () => {
    const ready = next
    next = undefined
    return ready ?? later(again, opened)
  }
  return Object.assign(body, {
    [Symbol.dispose]() {
      for (const each of opened) each.destroy()
    },
  })
}

function later(again: () => Promise<Readable>, opened: Set<Readable>): Readable {
  const out = new PassThrough()
  // Whoever reads may come to listen only after the break.
  out.on('error', () => undefined)
  opened.add(out)
  again().then(
    (body) => {
      // The put may have ended before this body was there.
      if (out.destroyed) return void body.destroy()
      opened.add(body)
      pipeline(body, out, () => undefined)
    },
    (err: Error) => out.destroy(err),
  )
  return out
}
