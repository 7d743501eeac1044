import type { Goal } from '@lifeboat/shared/domain/goal.ts'
import type { ClusterWish } from '@lifeboat/shared/domain/restore.ts'
import { type Site, standsBeside } from './site.ts'

/** What the place means for whoever signs. */
export function placeNotes({ place, present }: Pick<Site, 'place' | 'present'>, wish: ClusterWish): string[] {
  return [
    ...(standsBeside(wish) ? [standingNote(wish.goal)] : []),
    ...(wish.pause
      ? ['Nothing is stopped before `lifeboat restore promote SOURCE --in-place`, which has to name the hooks.']
      : []),
    ...(place === 'in place'
      ? [
          'All of the cluster goes back, every database of it, and with it the configuration in its data directory.',
          ...(present ? [] : ['There is no data directory now; nothing is put aside.']),
        ]
      : []),
  ]
}

function standingNote({ to }: Goal): string {
  return to === 'latest'
    ? 'The end of the WAL is no point to stand still at: it is promoted when it is there.'
    : 'It stands still at its goal and can only be read, until it is moved, promoted or released.'
}
