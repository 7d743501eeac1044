import type { BackupKind } from '@lifeboat/shared/domain/ids.ts'
import { type Key, kindOfPart } from '@lifeboat/shared/domain/keys.ts'
import type { PutOptions } from './target.ts'
import type { TransitionConfig } from './target-config.ts'

/** The tag by which rules of S3 and Azure know what they may move; its value is the kind of backup. */
export const MOVE_TAG = 'lifeboat-kind'

/** Google has no tags a rule could ask for: its rule asks for so many days behind the `customTime` of a part. */
export const MOVED_AFTER_DAYS = 1

/** Smaller objects are billed as if they had this size where age is billed too, and S3 moves none of them. */
export const LEAST_MOVED_BYTES = 128 * 1024

/** What the store may move by a rule of its own, and how old it is then. */
export interface MoveMark {
  kind: BackupKind
  days: number
}

/** The mark of an object that is put now; undefined: it is not to be moved. Parts alone are, and only of the kinds that are named. */
export function moveMark(
  transition: TransitionConfig | undefined,
  key: Key,
  { role, bytes }: Pick<PutOptions, 'role' | 'bytes'>,
): MoveMark | undefined {
  if (transition === undefined || role !== 'part' || bytes < LEAST_MOVED_BYTES) return undefined
  const kind = kindOfPart(key)
  const days = kind === undefined ? undefined : transition.days[kind]
  return kind === undefined || days === undefined ? undefined : { kind, days }
}
