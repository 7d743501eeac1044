import type { StoredData } from '@lifeboat/postgres/archive/data-in-file.ts'

/** A smaller table is in before further sessions would gain anything. */
export const LEAST_BYTES = 64 * 1024 ** 2

export interface LoadingPlan {
  /** Tables each of which is too large for one job, the largest first. */
  dealt: StoredData[]
  /** For all other data, while those are dealt; none where nothing is. */
  otherJobs: number
}

/**
 * Which tables are dealt to all jobs. A job of pg_restore has a whole table at least, so one that is more than the share of a job keeps its own at work when all others are done.
 *
 * @param stored what the archive holds
 * @param early by their ids: tables that are dealt whatever they are, and need no plan
 */
export function planLoading(
  stored: readonly StoredData[],
  jobs: number,
  early: ReadonlySet<number> = new Set(),
): LoadingPlan {
  const total = bytesOf(stored)
  const isLarge = ({ bytes }: StoredData) => bytes >= LEAST_BYTES && bytes > total / jobs
  const isEarly = ({ id }: StoredData) => early.has(id)
  const dealt = jobs < 2 ? [] : stored.filter((each) => !isEarly(each) && isLarge(each) && isCopied(each))
  if (dealt.length + early.size === 0) return { dealt, otherJobs: 0 }
  const otherShare = 1 - (bytesOf(dealt) + bytesOf(stored.filter(isEarly))) / total
  return {
    dealt: dealt.sort((one, other) => other.bytes - one.bytes),
    otherJobs: Math.max(1, Math.round(jobs * otherShare)),
  }
}

function bytesOf(stored: readonly StoredData[]): number {
  return stored.reduce((sum, { bytes }) => sum + bytes, 0)
}

/** Whether its rows come in by a COPY. */
export function isCopied({ desc, copy }: Pick<StoredData, 'desc' | 'copy'>): boolean {
  return desc === 'TABLE DATA' && copy.startsWith('COPY ') && copy.endsWith(' FROM stdin;\n')
}
