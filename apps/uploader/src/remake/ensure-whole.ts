import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import type { Md5, PolicyId, Sha256 } from '@lifeboat/shared/domain/ids.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { ContentRole } from '@lifeboat/storage/target.ts'
import { bodiesOf } from '../bodies.ts'
import type { Lane } from '../deps.ts'
import type { PartSource, Wanted } from '../part-source.ts'
import { sha256Of } from '../sha256-of.ts'

interface Content {
  bytes: number
  sha256: Sha256
  md5?: Md5 | undefined
}

/** One object of a copy, and what it must be; a manifest is at hand already. */
export type Piece = { wanted: Wanted; policyId: PolicyId } & (
  | { role: Exclude<ContentRole, 'manifest'>; content: Content }
  | { role: 'manifest'; bytes: Buffer }
)

/** What was put anew, and what could not be. */
export interface Remade {
  objects: number
  bytes: number
  from: Set<string>
  /** Keys under which something wrong lies that cannot be removed, and why. */
  stuck: { key: string; why: string }[]
}

/** Reads what is there, all of it; puts what is missing or wrong. */
export async function ensureWhole(
  parts: PartSource,
  { target, remover }: Lane,
  piece: Piece,
  remade: Remade,
  signal: AbortSignal,
): Promise<void> {
  const { key } = piece.wanted
  const content = piece.role === 'manifest' ? contentOf(piece.bytes) : piece.content
  if ((await target.stat(key, { signal })) !== undefined) {
    if ((await sha256Of(await target.get(key, { signal }))) === content.sha256) return
    if (remover === undefined) return void remade.stuck.push({ key, why: 'this target has no removal credentials' })
    const held = await remover.remove(key, { signal }).catch(heldOrThrow)
    if (held) return void remade.stuck.push({ key, why: held })
  }
  const put = { ...content, role: piece.role, policyId: piece.policyId, signal }
  if (piece.role === 'manifest') await target.put(key, () => Readable.from([piece.bytes], { objectMode: false }), put)
  else remade.from.add(await putFrom(parts, target, piece.wanted, put))
  remade.objects += 1
  remade.bytes += content.bytes
}

export function heldOrThrow(thrown: unknown): string {
  if (!LifeboatError.is(thrown, 'TARGET_HELD')) throw thrown
  return heldText(thrown.facts.until)
}

export function heldText(until: unknown): string {
  return typeof until === 'string' ? `the store holds it until ${until}` : 'the store holds it'
}

async function putFrom(
  parts: PartSource,
  target: Lane['target'],
  wanted: Wanted,
  put: Content & { role: ContentRole; signal: AbortSignal },
): Promise<string> {
  const wrong = new Set<string>()
  for (;;) {
    const found = await parts.open(wanted, put.signal, wrong)
    using body = bodiesOf(found.body, async () => (await parts.open(wanted, put.signal, wrong)).body)
    try {
      await target.put(wanted.key, body, put)
      return found.from
    } catch (thrown) {
      if (!LifeboatError.is(thrown, 'TARGET_CHECKSUM_MISMATCH')) throw thrown
      const again = await parts.open(wanted, put.signal, wrong)
      if ((await sha256Of(again.body)) === put.sha256) throw thrown
      wrong.add(again.from)
    }
  }
}

function contentOf(bytes: Buffer): Content {
  const hash = (name: string) => createHash(name).update(bytes).digest('hex')
  return { bytes: bytes.byteLength, sha256: hash('sha256') as Sha256, md5: hash('md5') as Md5 }
}
