import { setTimeout as pause } from 'node:timers/promises'
import type { Bus } from '@lifeboat/shared/bus/bus.ts'
import { WalSealed } from '@lifeboat/shared/bus/messages/wal.ts'
import { type AgentId, moment, type SourceId, type TargetId } from '@lifeboat/shared/domain/ids.ts'
import {
  formatLsn,
  parseWalKey,
  rangeOf,
  timelineOf,
  type WalObject,
  walFileName,
  walKey,
} from '@lifeboat/shared/domain/wal.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Logger } from '@lifeboat/shared/log/logger.ts'
import type { Clock } from '@lifeboat/shared/time/clock.ts'
import { type Packed, type Packing, pack, plainDigest } from './pack.ts'
import type { Cut } from './segment.ts'
import type { WalSpool } from './wal-spool.ts'

export interface ShipperOptions {
  sourceId: SourceId
  agentId: AgentId
  targets: readonly TargetId[]
  /** How uploaders reach the spool. */
  spoolUrl: string
  packing: Packing
  spool: WalSpool
  bus: Pick<Bus, 'publish'>
  clock: Clock
  log: Logger
  signal: AbortSignal
  /** Called with what keeps objects from being shipped, and with undefined when that is over. */
  onTrouble: (err: LifeboatError | undefined) => void
  onSealed: (facts: { key: string; bytes: number; durationMs: number }) => void
}

/** Objects in the making at a time; together they hold this many segments in memory. */
const WIDTH = 2
const FIRST_PAUSE_MS = 500
const LONGEST_PAUSE_MS = 30_000
/** What age and zstd may add to bytes that do not compress. */
const OVERHEAD_BYTES = 64 * 1024

/** What the WAL is of. */
export interface Cluster {
  systemIdentifier: string
  segmentBytes: number
}

interface Item extends Cluster {
  object: WalObject
  plain: Uint8Array
}

/**
 * From plain WAL to an announced file: compressed, encrypted, on the disk, told. What fails is tried again until the signal fires; nothing is
 * left out. When it cannot keep up, whoever ships waits, and with it the server.
 */
export class Shipper {
  readonly #opts: ShipperOptions
  readonly #underWay = new Map<string, Promise<void>>()
  #free = WIDTH
  #next: (() => void)[] = []

  constructor(opts: ShipperOptions) {
    this.#opts = opts
  }

  /** Whether something could be begun right now. */
  get idle(): boolean {
    return this.#free > 0
  }

  /**
   * Resolves when the work has begun; its bytes are released when it ends.
   *
   * @param signal ends the waiting for a place
   */
  async ship(cut: Cut, cluster: Cluster, signal: AbortSignal): Promise<void> {
    await this.#enter(signal)
    const work = async () => {
      try {
        const digest = await plainDigest(cut.bytes)
        await this.#once({ object: objectOf(cut, digest, cluster.segmentBytes), plain: cut.bytes, ...cluster })
      } finally {
        cut.release()
        this.#leave()
      }
    }
    void work()
  }

  /** A history file; resolves when it is announced. */
  async shipHistory(timeline: number, contents: Uint8Array, cluster: Cluster): Promise<void> {
    const object: WalObject = { kind: 'history', timeline, digest: await plainDigest(contents) }
    await this.#once({ object, plain: contents, ...cluster })
  }

  /** Tells of a file that an earlier process left; nobody knows whether it did. */
  async announceAgain(name: string, cluster: Cluster): Promise<void> {
    const object = parseWalKey(name)
    const packed = await this.#opts.spool.describe(name)
    if (object === undefined || packed === undefined) return
    await this.#announce({ object, plain: Buffer.alloc(0), ...cluster }, packed)
  }

  /** The same object is not made twice at a time: its file would be two. */
  async #once(item: Item): Promise<void> {
    const name = walFileName(item.object)
    const known = this.#underWay.get(name)
    if (known !== undefined) return known
    const work = this.#untilDone(item, name).finally(() => this.#underWay.delete(name))
    this.#underWay.set(name, work)
    return work
  }

  async #untilDone(item: Item, name: string): Promise<void> {
    const { signal, log, onTrouble } = this.#opts
    for (let failures = 0; !signal.aborted; failures += 1) {
      try {
        const began = this.#opts.clock.now()
        const packed = (await this.#opts.spool.describe(name)) ?? (await this.#make(item, name))
        await this.#announce(item, packed)
        const { key, bytes } = { key: walKey(this.#opts.sourceId, item.object), bytes: packed.bytes }
        this.#opts.onSealed({ key, bytes, durationMs: Math.max(0, this.#opts.clock.now() - began) })
        if (failures > 0) onTrouble(undefined)
        return
      } catch (thrown) {
        if (signal.aborted) return
        const err = LifeboatError.from(thrown)
        if (failures === 0) log[err.level]({ event: 'wal.unshipped', err, name }, 'WAL could not be shipped yet')
        onTrouble(err)
        await pause(Math.min(FIRST_PAUSE_MS * 2 ** failures, LONGEST_PAUSE_MS), undefined, { signal }).catch(() => {})
      }
    }
  }

  #make(item: Item, name: string): Promise<Packed> {
    const { spool, packing, signal, log } = this.#opts
    const mostBytes = item.plain.byteLength + Math.ceil(item.plain.byteLength / 100) + OVERHEAD_BYTES
    return spool.add(name, mostBytes, (path) => pack(item.plain, path, packing, { signal, log }), signal)
  }

  async #announce({ object, systemIdentifier, segmentBytes }: Item, packed: Packed): Promise<void> {
    const { sourceId, agentId, targets, spoolUrl, bus, clock } = this.#opts
    const range = rangeOf(object, segmentBytes)
    await bus.publish(WalSealed, {
      ...{ sourceId, agentId, key: walKey(sourceId, object), timeline: timelineOf(object), ...packed },
      ...(range && { startLsn: formatLsn(range.start), endLsn: formatLsn(range.end) }),
      ...{ systemIdentifier, sealedAt: moment(clock.now()), targets: [...targets], spoolUrl },
    })
  }

  async #enter(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    if (this.#free > 0) {
      this.#free -= 1
      return
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const abort = () => {
      this.#next = this.#next.filter((each) => each !== resolve)
      reject(signal.reason)
    }
    signal.addEventListener('abort', abort, { once: true })
    this.#next.push(resolve)
    await promise.finally(() => signal.removeEventListener('abort', abort))
  }

  #leave(): void {
    const next = this.#next.shift()
    if (next === undefined) this.#free += 1
    else next()
  }
}

function objectOf(cut: Cut, digest: string, segmentBytes: number): WalObject {
  const { kind, segment } = cut
  if (kind === 'segment') return { kind, segment, digest }
  const start = cut.start % BigInt(segmentBytes)
  return { kind, segment, from: Number(start), to: Number(start + (cut.end - cut.start)), digest }
}
