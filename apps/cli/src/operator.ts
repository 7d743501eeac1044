import { userInfo } from 'node:os'

/** Who types; a name in records, not a proof. */
export function operator(): string {
  return `operator ${userInfo().username}`
}
