import { join } from 'node:path'
import type { Key } from '@lifeboat/shared/domain/keys.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'

/** Unfinished puts, in one place so that one look finds those of dead processes. Names with a dot in front are never keys. */
export const PARTIAL_FOLDER = '.partial'

/** The segments of a key; a segment with a dot in front would hide from lists or climb out of the folder. */
export function segmentsOf(key: Key): [...folders: string[], name: string] {
  const segments = key.split('/')
  if (segments.some((segment) => segment === '' || segment.startsWith('.') || segment.includes('\0')))
    throw new LifeboatError('TARGET_REFUSED', { key, problem: 'not a path a folder can hold' })
  return segments as [string]
}

/** `.<name>.sha256` beside the file, in the format of `sha256sum`, so `sha256sum -c` needs nothing of ours. */
export function sidecarPath(folder: string, name: string): string {
  return join(folder, `.${name}.sha256`)
}
