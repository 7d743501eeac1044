import { getHeapStatistics, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** Dead buffers and objects together may grow this far beyond what was last seen to be alive. */
const GARBAGE_BYTES = 24e6
const LOOK_EVERY_MS = 100

/**
 * For services through which bulk bytes pass: keeps V8's nursery small, before it has grown, and has garbage collected before it piles up.
 *
 * A buffer of the network lives for milliseconds, but its memory, outside the heap, is only given back when its generation is collected. With
 * the default nursery that is rare enough for a hundred megabytes of dead buffers; with a small one most go at once, and nothing gets slower.
 * Those that outlive it, while a target is slow, would wait for 64 MB of their kind, and old objects for a heap twice the size: V8 goes by
 * what the machine has. So the old generation is collected here, about once in a hundred megabytes that pass.
 */
export function keepMemoryFlat(): void {
  setFlagsFromString('--max-semi-space-size=1')
  setFlagsFromString('--semi-space-growth-factor=1')
  setFlagsFromString('--expose-gc')
  // The flag reaches contexts made from now on.
  const collect = runInNewContext('gc') as () => void
  let least = Number.POSITIVE_INFINITY
  const look = () => {
    const used = usedBytes()
    least = Math.min(least, used)
    if (used - least < GARBAGE_BYTES) return
    collect()
    least = usedBytes()
  }
  setInterval(look, LOOK_EVERY_MS).unref()
}

function usedBytes(): number {
  const { used_heap_size, external_memory } = getHeapStatistics()
  return used_heap_size + external_memory
}
