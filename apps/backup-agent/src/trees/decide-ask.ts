/** One tree between two looks. */
export interface TreeLook {
  /** Digest of the tree as the newest backup found it; undefined before the first. */
  taken: string | undefined
  /** Digest at the look before this one. */
  before: string | undefined
  now: string
  /** Digest a run was asked for already. */
  asked: string | undefined
}

/** Whether a run is to be asked for: something changed, and it has come to rest. A change that was asked for once is left to the timed runs. */
export function shouldAsk({ taken, before, now, asked }: TreeLook): boolean {
  return now !== taken && now === before && now !== asked
}
