import type { Seen } from '@lifeboat/recovery/bare/look.ts'
import { tryKey } from '@lifeboat/recovery/fetch/try-key.ts'
import type { X25519Identity } from '@lifeboat/shared/age/identities.ts'
import type { SourceId } from '@lifeboat/shared/domain/ids.ts'
import { type Key, partKey } from '@lifeboat/shared/domain/keys.ts'
import type { Manifest } from '@lifeboat/shared/domain/manifest.ts'
import { parseWalKey, timelineOf, walPrefix } from '@lifeboat/shared/domain/wal.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Target } from '@lifeboat/storage/target.ts'

/** `opened`: its bytes were · `other`: it is encrypted to other keys · `shut`: it should have opened, and did not. */
export interface Tried {
  sourceId: SourceId
  /** A backup, or an object of WAL. */
  what: string
  outcome: 'opened' | 'other' | 'shut'
  /** Plain bytes that were opened. */
  bytes: number
  problem?: string
}

export interface Trying {
  target: Target
  identities: readonly X25519Identity[]
  /** Their public halves. */
  recipients: readonly string[]
  signal: AbortSignal
}

/** Of each source, kind and set of keys the oldest and the newest: what was done the same way opens the same way. @param backups oldest first */
export function chooseBackups(backups: readonly Seen[]): Seen[] {
  const groups = Map.groupBy(backups, ({ manifest: { sourceId, kind, recipients } }) =>
    [sourceId, kind, ...recipients.toSorted()].join(' '),
  )
  return [...groups.values()].flatMap((group) => ends(group))
}

/** Tries the beginning of every artifact of one backup. */
export async function proveBackup(manifest: Manifest, trying: Trying): Promise<Tried> {
  const { sourceId, backupId, artifacts, recipients } = manifest
  const about = { sourceId, what: backupId }
  if (!trying.recipients.some((own) => recipients.includes(own)))
    return { ...about, outcome: 'other', bytes: 0, problem: `it is encrypted to ${recipients.join(' and ')}` }
  let bytes = 0
  for (const { name, parts } of artifacts) {
    const keys = parts.map(({ no }) => partKey(sourceId, backupId, name, no))
    const tried = await opened(keys, trying)
    if ('problem' in tried) return { ...about, outcome: 'shut', bytes, problem: `${name}: ${tried.problem}` }
    bytes += tried.bytes
  }
  return { ...about, outcome: 'opened', bytes }
}

/** The oldest and the newest object of each timeline, or every one. WAL names no keys, so one that does not open may be encrypted to others. */
export async function proveWal(sourceId: SourceId, all: boolean, trying: Trying): Promise<Tried[]> {
  const found: Key[] = []
  for await (const { key } of trying.target.list(walPrefix(sourceId), { signal: trying.signal }))
    if (parseWalKey(key)) found.push(key)
  const timelines = Map.groupBy(found, (key) =>
    timelineOf(parseWalKey(key) as NonNullable<ReturnType<typeof parseWalKey>>),
  )
  const chosen = all ? found : [...timelines.values()].flatMap((keys) => ends(keys))
  const tried: Tried[] = []
  for (const key of chosen) {
    const one = await opened([key], trying)
    const about = { sourceId, what: key }
    if (!('problem' in one)) tried.push({ ...about, outcome: 'opened', bytes: one.bytes })
    else tried.push({ ...about, outcome: one.wrongKey ? 'other' : 'shut', bytes: 0, problem: one.problem })
  }
  return tried
}

async function opened(
  keys: readonly Key[],
  { target, identities, signal }: Trying,
): Promise<{ bytes: number } | { problem: string; wrongKey: boolean }> {
  try {
    return { bytes: await tryKey(target, keys, identities, signal) }
  } catch (thrown) {
    signal.throwIfAborted()
    const { code, title, facts } = LifeboatError.from(thrown)
    if (!/^ARTIFACT_|^TARGET_KEY_ABSENT$/.test(code)) throw thrown
    return { problem: `${code}: ${facts.problem ?? title}`, wrongKey: code === 'ARTIFACT_KEY_WRONG' }
  }
}

function ends<T>(items: readonly T[]): T[] {
  return items.length < 2 ? [...items] : [items[0] as T, items.at(-1) as T]
}
