/** How far a backup has to get before the waiting ends. */
export const GOALS = ['sealed', 'stored', 'proven'] as const
export type Goal = (typeof GOALS)[number]
