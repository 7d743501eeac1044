import { MARKS_BUCKET, markKey } from '@lifeboat/catalog/expiry/buckets.ts'
import type { Bucket, Bus, Entry } from '@lifeboat/shared/bus/bus.ts'
import type { Mark } from '@lifeboat/shared/domain/retention.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'

type About = Pick<Mark, 'sourceId' | 'backupId' | 'targetId'>

/** The states of letting go, moved by compare-and-set: of two who want different things one is too late. */
export class Marks {
  readonly #bucket: Bucket<Mark>

  constructor(bucket: Bucket<Mark>) {
    this.#bucket = bucket
  }

  static async open(bus: Pick<Bus, 'bucket'>): Promise<Marks> {
    return new Marks(await bus.bucket(MARKS_BUCKET))
  }

  find(about: About): Promise<Entry<Mark> | undefined> {
    return this.#bucket.get(markKey(about))
  }

  /** @throws LifeboatError BUS_CONTENDED – somebody else moved it; the wish comes again and looks anew */
  async move(from: Entry<Mark> | undefined, to: Mark): Promise<Entry<Mark>> {
    const key = markKey(to)
    const revision = await (from === undefined
      ? this.#bucket.create(key, to)
      : this.#bucket.update(key, to, from.revision))
    if (revision === undefined) throw new LifeboatError('BUS_CONTENDED', { key })
    return { key, value: to, revision, writtenAt: 0 }
  }
}
