import type { PassedOver } from '@lifeboat/shared/domain/restore.ts'

/** Which target could not help, and why. */
export function passedOverText({ targetId, error }: PassedOver): string {
  return `${targetId}: ${error.code}, ${error.title}`
}
