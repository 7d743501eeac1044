import type { CatalogueEntry } from './entry.ts'

/** Between Lifeboat and a place that keeps backups. */
export const TARGET_ERRORS = {
  TARGET_UNREACHABLE: {
    title: 'The target does not answer, or answers that it cannot now',
    hint: 'Look at endpoint, DNS and the provider status page. Work for it waits and is done when it is back.',
    retry: 'later',
    level: 'warn',
  },
  TARGET_REFUSED: {
    title: 'The target refuses the credentials or the operation',
    hint: 'Run `lifeboat target check`; compare the needed rights in docs/targets.md with the role of the key.',
    retry: 'later',
    level: 'error',
  },
  TARGET_MISSING: {
    title: 'The bucket, container or folder of the target does not exist',
    hint: 'Create it or correct its name; Lifeboat never creates buckets by itself.',
    retry: 'later',
    level: 'error',
  },
  TARGET_UNMARKED: {
    title: 'The target does not show the marker of its fleet any more',
    hint: 'Mount its disk: what lies there now is an empty folder. Of a bucket, compare bucket and prefix with the console of the provider. Nothing is put there until the marker is back; docs/targets.md says how a new place takes over the name.',
    retry: 'later',
    level: 'error',
  },
  TARGET_FULL: {
    title: 'The target has no room left',
    hint: 'Raise the quota or free space; expiry removes only what its policy allows.',
    retry: 'later',
    level: 'error',
  },
  TARGET_ADDRESS_UNREADABLE: {
    title: 'The address of a target cannot be understood',
    hint: 'Write file:///folder, s3://bucket/prefix, gs://bucket/prefix or azure://account/container/prefix; docs/recover.md tells where credentials are looked for.',
    retry: 'never',
    level: 'error',
  },
  TARGET_KEY_TAKEN: {
    title: 'Another object already lies under this key',
    hint: 'Keys are never rewritten. Look who else writes below this prefix, or give this fleet its own prefix.',
    retry: 'never',
    level: 'error',
  },
  TARGET_KEY_ABSENT: {
    title: 'No object lies under this key',
    hint: 'It was never stored there, or somebody removed it.',
    retry: 'never',
    level: 'error',
  },
  TARGET_HELD: {
    title: 'The object is under a lock or a hold',
    hint: 'That is its purpose. Wait for the retention to end or release the hold at the provider.',
    retry: 'never',
    level: 'warn',
  },
  TARGET_CHECKSUM_MISMATCH: {
    title: 'The target holds or received other bytes than were sent',
    hint: 'The transfer is tried again; if it repeats, look for a faulty proxy or store.',
    retry: 'later',
    level: 'error',
  },
  TARGET_UNFIT: {
    title: 'The target failed its conformance check',
    hint: 'Run `lifeboat target check NAME`: each failed case says what it demands of the store.',
    retry: 'never',
    level: 'error',
  },
  TARGET_UNKNOWN: {
    title: 'No target of this name is configured here',
    hint: 'Compare the name with `targets:` in lifeboat.yaml.',
    retry: 'never',
    level: 'error',
  },
  TARGET_MOVES_NOTHING: {
    title: 'Nothing at this target is moved by age',
    hint: 'Say under its `transition` in lifeboat.yaml which class parts are moved to and when; see "Moving parts by age" in docs/targets.md.',
    retry: 'never',
    level: 'error',
  },
  COPY_INCOMPLETE: {
    title: 'Not every part has reached the target yet',
    hint: 'Nothing to do: the manifest follows when the parts are there. `lifeboat backup show` lists what is missing.',
    retry: 'later',
    level: 'info',
    firstPauseMs: 100,
    pauseMs: 10_000,
  },
} as const satisfies Record<string, CatalogueEntry>
