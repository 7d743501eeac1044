import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import type { FleetId, Md5, Sha256 } from '@lifeboat/shared/domain/ids.ts'
import { FLEET_KEY } from '@lifeboat/shared/domain/keys.ts'
import type { Target } from '@lifeboat/storage/target.ts'

/**
 * Says at the target whose backups lie there; every uploader writes the same bytes, so the first makes it and the rest find it. Asked of
 * the target once per process.
 *
 * @throws LifeboatError TARGET_KEY_TAKEN – another fleet lives below this prefix; nothing of ours may be written there
 */
export async function demandFleet(target: Target, fleet: FleetId, signal: AbortSignal): Promise<void> {
  const known = marked.get(target)
  if (known?.fleet === fleet) return known.done
  const done = mark(target, fleet, signal)
  marked.set(target, { fleet, done })
  await done.catch((thrown: unknown) => {
    marked.delete(target)
    throw thrown
  })
}

const marked = new WeakMap<Target, { fleet: FleetId; done: Promise<void> }>()

async function mark(target: Target, fleet: FleetId, signal: AbortSignal): Promise<void> {
  const marker = Buffer.from(`${JSON.stringify({ format: 1, fleet })}\n`)
  await target.put(FLEET_KEY, () => Readable.from([marker], { objectMode: false }), {
    bytes: marker.byteLength,
    sha256: createHash('sha256').update(marker).digest('hex') as Sha256,
    md5: createHash('md5').update(marker).digest('hex') as Md5,
    role: 'marker',
    signal,
  })
}
