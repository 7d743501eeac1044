import type { CatalogueEntry } from './entry.ts'

/** Trees of files. */
export const FILES_ERRORS = {
  FILES_ROOT_MISSING: {
    title: 'The folder to be backed up does not exist or cannot be entered',
    hint: 'Look at `root` of the source and at the rights of the account the agent runs as; a file system that is not mounted looks the same.',
    retry: 'later',
    level: 'error',
  },
  FILES_NOTHING_INCLUDED: {
    title: 'Nothing under the folder fits what the source includes',
    hint: 'Compare `include` of the source with what is there: paths begin at `root`.',
    retry: 'later',
    level: 'error',
  },
  FILES_UNREADABLE: {
    title: 'Files could not be read, and the source says that this fails its backup',
    hint: 'Give the account of the agent the right to read them (`lifeboat source check` names them), exclude them, or set `unreadable: tell`.',
    retry: 'later',
    level: 'error',
  },
} as const satisfies Record<string, CatalogueEntry>
