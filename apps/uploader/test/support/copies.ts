import { CopyStored } from '@lifeboat/shared/bus/messages/copy.ts'
import type { TargetId } from '@lifeboat/shared/domain/ids.ts'
import { type MemoryTarget, openMemory } from '@lifeboat/storage/memory.ts'
import { until } from '@lifeboat/testkit/eventually.ts'
import { expect } from 'vitest'
import type { SpooledBackup } from './backup.ts'
import type { Fleet } from './fleet.ts'

export function memory(id: string): MemoryTarget {
  return openMemory(id as TargetId)
}

/** Waits for as many complete copies, of whatever backups. */
export function stored(fleet: Fleet, copies: number): Promise<CopyStored[]> {
  return until(
    () => fleet.facts(CopyStored),
    (facts) => facts.length === copies,
  )
}

export function expectCopy(target: MemoryTarget, backup: SpooledBackup): void {
  for (const [key, bytes] of backup.copy) expect(target.objects.get(key)?.equals(bytes), key).toBe(true)
}
