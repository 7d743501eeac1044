import { getHeapStatistics, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** Dead buffers and objects together may grow this far beyond what was last seen to be alive. */
const GARBAGE_BYTES = 16e6
const LOOK_EVERY_MS = 50

/** What `holdMemory` was told. */
let heldBytes = 0

/**
 * Memory that whoever takes it gives back by hand (forget.ts). Until this is disposed of as much is alive and no garbage: looking for that would find
 * nothing, each time through the whole heap.
 */
export function holdMemory(bytes: number): Disposable {
  heldBytes += bytes
  return {
    [Symbol.dispose]() {
      heldBytes -= bytes
    },
  }
}

/** What V8 offers under --expose-gc. */
type Collect = (opts: { type: 'minor' | 'major' }) => void

/**
 * For services through which bulk bytes pass: keeps V8's nursery small, before it has grown, and has garbage collected before it piles up.
 *
 * A buffer of the network lives for milliseconds, but its memory, outside the heap, is only given back when its generation is collected. With
 * the default nursery that is rare enough for a hundred megabytes of dead buffers; with a small one most go at once, and nothing gets slower.
 * Those that outlive it, while a target is slow, would wait for 64 MB of their kind, and old objects for a heap twice the size: V8 goes by
 * what the machine has. So the old generation is collected here, when collecting the nursery no longer helps.
 *
 * V8 counts buffers that are new, and mostly dead, against the room of the old generation: nine megabytes beside a small heap. It then marked
 * the whole heap forty times during a backup of a gigabyte, for half of all the time the process took. Hence a heap that may grow further
 * before V8 looks by itself.
 */
export function keepMemoryFlat(): void {
  setFlagsFromString('--max-semi-space-size=1')
  setFlagsFromString('--semi-space-growth-factor=1')
  setFlagsFromString('--heap-growing-percent=300')
  setFlagsFromString('--expose-gc')
  // The flag reaches contexts made from now on.
  const collect = runInNewContext('gc') as Collect
  let least = Number.POSITIVE_INFINITY
  let triedMinor = false
  const look = () => {
    const used = usedBytes()
    least = Math.min(least, used)
    if (used - least < GARBAGE_BYTES + heldBytes) {
      triedMinor = false
      return
    }
    // Buffers are given back beside the program, so what a collection brought shows at the next look.
    collect({ type: triedMinor ? 'major' : 'minor' })
    if (triedMinor) least = usedBytes()
    triedMinor = !triedMinor
  }
  setInterval(look, LOOK_EVERY_MS).unref()
}

function usedBytes(): number {
  const { used_heap_size, external_memory } = getHeapStatistics()
  return used_heap_size + external_memory
}
