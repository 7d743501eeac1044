import { setImmediate as nextTurnOfLoop, setTimeout as pause } from 'node:timers/promises'
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
import { turns } from '@lifeboat/shared/run/turns.ts'
import { holdMemory } from '@lifeboat/shared/service/lean-memory.ts'
import type { Clock } from '@lifeboat/shared/time/clock.ts'
import { giveBack } from './give-back.ts'
import { compress, type Packed, type Packing, pack, type Sealed, seal } from './pack.ts'
import { plainDigest } from './plain-digest.ts'
import type { Cut } from './segment.ts'
import type { WalSpool } from './wal-spool.ts'

export interface ShipperOptions {
  sourceId: SourceId
  agentId: AgentId
  targets: readonly TargetId[]
  /** How uploaders reach the spool. */
  spoolUrl: string
  /** Of zstd. */
  compressionLevel: number
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

/**
 * Objects compressed at a time: each holds a segment in memory. One thread of zstd takes some fifty segments of 16 MiB a second at level 3, and as many this
 * thread can lay together, digest and encrypt meanwhile: a second one would bring nothing on two cores.
 */
const COMPRESSED_AT_ONCE = 1
/** Objects written and told of at a time: by then only their encrypted bytes are in memory. */
const SEALED_AT_ONCE = 3
const FIRST_PAUSE_MS = 500
const LONGEST_PAUSE_MS = 30_000
/** What age may add besides a hundredth. */
const OVERHEAD_BYTES = 64 * 1024

/** What the WAL is of. */
export interface Cluster {
  systemIdentifier: string
  segmentBytes: number
}

interface Item extends Cluster {
  object: WalObject
  sealed: Sealed
}

/**
 * From plain WAL to an announced file: compressed, encrypted, on the disk, told. What fails is tried again until the signal fires; nothing is
 * left out. When it cannot keep up, whoever ships waits, and with it the server.
 */
export class Shipper {
  readonly #opts: ShipperOptions
  readonly #underWay = new Map<string, Promise<void>>()
  readonly #compressing = turns(COMPRESSED_AT_ONCE)
  readonly #sealing = turns(SEALED_AT_ONCE)

  constructor(opts: ShipperOptions) {
    this.#opts = opts
  }

  /** Whether something could be begun right now. */
  get idle(): boolean {
    return this.#compressing.free
  }

  /**
   * Resolves when the work has begun; its bytes are released when they are compressed.
   *
   * @param signal ends the waiting for a place
   */
  async ship(cut: Cut, cluster: Cluster, signal: AbortSignal): Promise<void> {
    const turn = await this.#compressing.take(signal)
    void this.#work(cut, cluster, turn)
  }

  async #work(cut: Cut, cluster: Cluster, turn: Disposable): Promise<void> {
    const { compressionLevel, packing, signal } = this.#opts
    using places = new DisposableStack()
    places.use(turn)
    const sealed = await compress(cut.bytes, compressionLevel, async (frame) => {
      cut.release()
      // The next one waits until there is room behind: what is compressed must not pile up either.
      const sealing = await this.#sealing.take(signal).catch(() => undefined)
      if (sealing === undefined) return undefined
      places.use(sealing)
      turn[Symbol.dispose]()
      // Compressing the next one has begun by then, and goes on while this thread has the ciphers to do.
      await nextTurnOfLoop()
      return seal(frame, packing)
    }).finally(cut.release)
    if (sealed === undefined) return
    using _held = holdMemory(mostBytesOf(sealed))
    await this.#once({ object: objectOf(cut, cluster.segmentBytes), sealed, ...cluster })
    // An end that was asked for does not wait for what is being written.
    if (!this.#opts.signal.aborted) for (const piece of piecesOf(sealed)) giveBack(piece)
  }

  /** A history file; resolves when it is announced. */
  async shipHistory(timeline: number, contents: Uint8Array, cluster: Cluster): Promise<void> {
    const object: WalObject = { kind: 'history', timeline, digest: plainDigest(contents) }
    await this.#once({ object, sealed: await this.#seal(contents), ...cluster })
  }

  #seal(plain: Uint8Array): Promise<Sealed> {
    const { compressionLevel, packing } = this.#opts
    return compress(plain, compressionLevel, (frame) => seal(frame, packing))
  }

  /** Tells of a file that an earlier process left; nobody knows whether it did. */
  async announceAgain(name: string, cluster: Cluster): Promise<void> {
    const object = parseWalKey(name)
    const packed = await this.#opts.spool.describe(name)
    if (object === undefined || packed === undefined) return
    await this.#announce({ object, ...cluster }, packed)
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

  #make({ sealed }: Item, name: string): Promise<Packed> {
    const { spool, packing, signal, log } = this.#opts
    return spool.add(name, mostBytesOf(sealed), (path) => pack(sealed, path, packing, { signal, log }), signal)
  }

  async #announce({ object, systemIdentifier, segmentBytes }: Omit<Item, 'sealed'>, packed: Packed): Promise<void> {
    const { sourceId, agentId, targets, spoolUrl, bus, clock } = this.#opts
    const range = rangeOf(object, segmentBytes)
    await bus.publish(WalSealed, {
      ...{ sourceId, agentId, key: walKey(sourceId, object), timeline: timelineOf(object), ...packed },
      ...(range && { startLsn: formatLsn(range.start), endLsn: formatLsn(range.end) }),
      ...{ systemIdentifier, sealedAt: moment(clock.now()), targets: [...targets], spoolUrl },
    })
  }
}

function piecesOf(sealed: Sealed): readonly Buffer[] {
  return 'compressed' in sealed ? [sealed.compressed] : sealed.pieces
}

function mostBytesOf(sealed: Sealed): number {
  if (!('compressed' in sealed)) return sealed.packed.bytes
  const bytes = sealed.compressed.byteLength
  return bytes + Math.ceil(bytes / 100) + OVERHEAD_BYTES
}

function objectOf(cut: Cut, segmentBytes: number): WalObject {
  const { kind, segment, digest } = cut
  if (kind === 'segment') return { kind, segment, digest }
  const start = cut.start % BigInt(segmentBytes)
  return { kind, segment, from: Number(start), to: Number(start + (cut.end - cut.start)), digest }
}
