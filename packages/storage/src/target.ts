import type { Readable } from 'node:stream'
import type { Md5, PolicyId, Sha256, TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { Key } from '@lifeboat/shared/domain/keys.ts'
import type { TransitionConfig } from './target-config.ts'

/** What is kept at the store, for the choice of a storage class. */
export type ContentRole = 'part' | 'wal' | 'document' | 'manifest' | 'evidence' | 'marker'

export interface PutOptions {
  /** Exact length of the body; a body of any other length is refused and leaves nothing. */
  bytes: number
  /** Of the whole body. The target sends what its store can check (S3: SHA-256, GCS and Azure: MD5) and compares what comes back. */
  sha256: Sha256
  /** Where it is not told, a target whose store checks nothing stronger finds it out by itself. */
  md5?: Md5 | undefined
  role: ContentRole
  /** Of what belongs to a backup: a target may lock those of single policies for longer, or for less. */
  policyId?: PolicyId | undefined
  signal: AbortSignal
}

/** What the store says it holds. */
export interface Receipt {
  key: Key
  bytes: number
  /** As the store reports them; absent where it keeps none. A filesystem target keeps sha256 beside the file. */
  sha256?: Sha256
  md5?: Md5
  storedAt?: string
  /** As the store calls it; only of a list, and only where there are classes. */
  storageClass?: string
  /** Until when the store refuses to remove it; only of a stat, and only where it is locked. */
  lockedUntil?: string
  /** The time by the clock of the store when it answered; only of a stat, and only where the store is another host. */
  answeredAt?: string
}

export interface Abilities {
  /** The store can lock objects against removal (object lock, holds, immutability policy). */
  immutability: boolean
  /** The store itself refuses the second create of a key. */
  conditionalPut: boolean
  /** What is asked may be another place from one moment to the next, as a folder is whose disk is unmounted. */
  mounted?: true
}

/** Keeps what was put against removal, as the configuration of the target says. */
export interface Locks {
  /** How long what belongs to a backup of this policy is locked from its put on, milliseconds. */
  forMs(policyId?: PolicyId): number
  /**
   * Locks an object, or locks it for longer; never for shorter.
   *
   * @throws TARGET_KEY_ABSENT · TARGET_REFUSED – the credentials may not, or the bucket has no object lock
   */
  extend(key: Key, until: Date, opts: { signal: AbortSignal }): Promise<void>
}

/**
 * A place that keeps backups. Keys are below the configured prefix; the implementation adds and strips it.
 *
 * Errors: TARGET_UNREACHABLE (no answer, 5xx, throttled) · TARGET_REFUSED (credentials, rights) · TARGET_MISSING (bucket) · TARGET_FULL ·
 * TARGET_KEY_TAKEN · TARGET_KEY_ABSENT · TARGET_CHECKSUM_MISMATCH · TARGET_HELD; an abort rejects with the signal's reason.
 */
export interface Target extends AsyncDisposable {
  readonly id: TargetId
  readonly kind: string
  /** Differences are declared, never sniffed. */
  readonly abilities: Abilities

  /** What the store is to move by a rule of its own; absent where nothing is marked. */
  readonly transition?: TransitionConfig

  /** Its store checks nothing stronger than MD5: of a body whose MD5 is not told, every byte is read once more, before it is sent. */
  readonly checksMd5?: true

  /** Absent where nothing is to be locked. */
  readonly locks?: Locks

  /**
   * Create-only, all or nothing. If the key exists with the same length and digest this is a success (a create whose answer was lost looks
   * like that); with any other content it rejects TARGET_KEY_TAKEN and changes nothing.
   *
   * @param body called for each try, and once more for an MD5 that is not told; each call gives a fresh stream from the first byte
   */
  put(key: Key, body: () => Readable, opts: PutOptions): Promise<Receipt>

  /**
   * Asks for what a put needs and leaves nothing behind. Only where the store is not asked by a put of what lies there already.
   *
   * @throws what a put would be answered now
   */
  tryOut?(opts: { signal: AbortSignal }): Promise<void>

  /**
   * Bytes from `from` (default 0) to the end. A cut connection surfaces as TARGET_UNREACHABLE on the stream, never as a short success.
   * The caller compares digests; `from` equal to the length gives an empty stream. Its chunks are the caller's, who may give their memory back (forget.ts).
   *
   * @throws TARGET_KEY_ABSENT
   */
  get(key: Key, opts: { from?: number; signal: AbortSignal }): Promise<Readable>

  /** undefined means absent, nothing else. */
  stat(key: Key, opts: { signal: AbortSignal }): Promise<Receipt | undefined>

  /** Every key that begins with `prefix`, in UTF-8 byte order, fetched page by page as it is consumed. */
  list(prefix: Key, opts: { signal: AbortSignal }): AsyncIterable<Receipt>

  /** Absent is fine; held rejects TARGET_HELD. */
  remove(key: Key, opts: { signal: AbortSignal }): Promise<void>
}
