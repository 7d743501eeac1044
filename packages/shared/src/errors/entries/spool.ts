import type { CatalogueEntry } from './entry.ts'

/** The agent's waiting room for parts. */
export const SPOOL_ERRORS = {
  SPOOL_FULL: {
    title: 'The spool is full and nothing leaves it',
    hint: 'Look at `lifeboat status`: too few targets take copies. Repair a target or raise spool.maxBytes.',
    retry: 'later',
    level: 'error',
  },
  SPOOL_DISK_FULL: {
    title: 'The disk under the spool is full',
    hint: 'Free space on the file system of spool.path or lower spool.maxBytes below what the disk has.',
    retry: 'later',
    level: 'error',
  },
  SPOOL_UNREADABLE: {
    title: 'Something in the spool cannot be read',
    hint: 'Look at the path and the disk under it: backups nobody else holds may lie there. Mend it, or move the folder of that backup out of spool.path, then start the agent again.',
    retry: 'later',
    level: 'error',
  },
  SPOOL_IN_USE: {
    title: 'Another process uses this spool folder',
    hint: 'Two agents need two spool.path folders; stop the other process or give this one its own.',
    retry: 'later',
    level: 'error',
  },
  PART_GONE: {
    title: 'The part is no longer where it was offered',
    hint: 'Look whether another target has the copy (`lifeboat backup show`); if none has, the backup is lost.',
    retry: 'later',
    level: 'warn',
  },
  AGENT_UNREACHABLE: {
    title: 'The agent that holds the part does not answer',
    hint: 'Look whether the agent runs and whether its `url` is reachable from the uploader.',
    retry: 'later',
    level: 'warn',
  },
  AGENT_REFUSED: {
    title: 'The agent does not accept the token of this uploader',
    hint: 'Compare the secret behind `agents.<name>.token` on the agent with the one on the uploader.',
    retry: 'later',
    level: 'error',
  },
} as const satisfies Record<string, CatalogueEntry>
