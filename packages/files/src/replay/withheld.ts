import type { MemberType } from '../tar/member.ts'

/** `drill`: on a strange host, for a look · `restore`: on its own host, to stay, and everything comes back that was there. */
export type Purpose = 'drill' | 'restore'

/** What becomes of a tree that is put together out of archives. */
export interface Replay {
  purpose: Purpose
  /** Whether a later backup of the chain comes over it: it lists every folder again, with the attributes it is to have in the end. */
  more: boolean
}

/** Set-user-id and set-group-id: in a drill nothing that came out of a bucket gets them. */
export const SET_ID = 0o6000

export type Withheld = 'link-outside' | 'special-file' | 'set-id'

/**
 * What a drill does not make on its own host though the tree had it; an empty file takes the place. It is named in the evidence and compared by the
 * list only: an absolute link is ordinary in a tree that is whole, and yet no business of a scratch folder. A restore makes everything.
 *
 * @param of names are bytes as latin1
 */
export function withheld(
  purpose: Purpose,
  { type, name, linksTo }: { type: MemberType; name: string; linksTo: string },
): Withheld | undefined {
  if (purpose === 'restore') return undefined
  if (type === 'char' || type === 'block' || type === 'fifo') return 'special-file'
  return type === 'symlink' && leadsOutside(name, linksTo) ? 'link-outside' : undefined
}

function leadsOutside(name: string, linksTo: string): boolean {
  if (linksTo.startsWith('/')) return true
  let depth = stepsOf(name).length - 1
  for (const step of stepsOf(linksTo)) {
    depth += step === '..' ? -1 : 1
    if (depth < 0) return true
  }
  return false
}

/** @throws Error – the name leads out of the folder, or is no name */
export function safeSteps(name: string): string[] {
  const steps = stepsOf(name)
  if (name.startsWith('/')) throw new Error('an absolute name')
  if (steps.includes('..')) throw new Error('a name that leads out of the tree')
  if (name.includes('\0')) throw new Error('a name with a zero byte')
  return steps
}

function stepsOf(name: string): string[] {
  return name.split('/').filter((step) => step !== '' && step !== '.')
}
