import type { CatalogueEntry } from './entry.ts'

/** A restore on an operator's word. What an agent refuses changes nothing. */
export const RESTORE_ERRORS = {
  RESTORE_NOT_SET_UP: {
    title: 'This agent restores for nobody',
    hint: 'Give it `restore` under its entry in `agents`, with the public keys of the operators it obeys, and the source a role under `restore`: docs/restore.md.',
    retry: 'never',
    level: 'error',
  },
  RESTORE_UNSIGNED: {
    title: 'A command that changes production carries no signature',
    hint: 'Somebody published it without a key. Find out who may write to the bus; operators use `lifeboat restore run`.',
    retry: 'never',
    level: 'error',
  },
  RESTORE_STRANGER: {
    title: 'A command is signed by somebody this agent does not know',
    hint: 'Compare the signer with `operators` in the configuration of the agent. If nobody made this key on purpose, find out who may write to the bus.',
    retry: 'never',
    level: 'error',
  },
  RESTORE_ALTERED: {
    title: 'A command is not what its signer signed',
    hint: 'It was changed after it was signed, or signed with another key than the public one the agent has. Sign it anew; if that is refused too, find out who may write to the bus.',
    retry: 'never',
    level: 'error',
  },
  RESTORE_SIGNATURES_MISSING: {
    title: 'A command lacks the signature of another operator',
    hint: 'This agent wants more than one: `lifeboat restore run … --out FILE`, then the other operator `lifeboat restore sign FILE`, then `lifeboat restore send FILE`.',
    retry: 'never',
    level: 'error',
  },
  RESTORE_EXPIRED: {
    title: 'A command came outside of the time it is valid for',
    hint: 'Sign it anew. If it was fresh, compare the clocks of the two hosts.',
    retry: 'never',
    level: 'error',
  },
  RESTORE_REPLAYED: {
    title: 'A command was sent a second time',
    hint: 'An agent obeys each signed command once. If it shall be done again, sign a new one; if nobody sent it twice, find out who may write to the bus.',
    retry: 'never',
    level: 'error',
  },
  RESTORE_UNDER_WAY: {
    title: 'Another command about this source is under way',
    hint: 'Look at it with `lifeboat restore status`; wait for its end, or end it with `lifeboat restore cancel`.',
    retry: 'never',
    level: 'error',
  },
  RESTORE_SWAP_UNKNOWN: {
    title: 'It is not known whether the swap of a restore happened',
    hint: 'The server cannot be asked. The agent asks again by itself and goes on from what it finds; see that PostgreSQL runs and takes the superuser of the source.',
    retry: 'later',
    level: 'error',
  },
  RESTORE_WRONG_HOST: {
    title: 'A command is meant for another fleet, agent or source',
    hint: 'The facts say whom it names. Sign one that names this agent and a source it takes backups of.',
    retry: 'never',
    level: 'error',
  },
  RESTORE_HOOK_UNKNOWN: {
    title: 'A command names a hook this agent does not have',
    hint: 'Hooks are programs in the configuration of the agent, under `restore.hooks`; a command can name them and nothing else.',
    retry: 'never',
    level: 'error',
  },
  RESTORE_HOOK_FAILED: {
    title: 'A hook of a restore failed or did not end in time',
    hint: 'The facts hold its last words and tell whether the data was swapped already. Before the swap nothing has changed; after it, run the hook by hand or `lifeboat restore revert`.',
    retry: 'never',
    level: 'error',
  },
  RESTORE_NOT_READY: {
    title: 'The restored database is in place, but does not answer as it should',
    hint: 'Look at the facts, then at the log of the server; `lifeboat restore revert` brings back what was there before.',
    retry: 'never',
    level: 'error',
  },
  RESTORE_HOOKS_WANTED: {
    title: 'Whoever puts another data directory in place has to stop the server and start it again',
    hint: 'Name a stop and a start hook of the agent; they stop and start PostgreSQL itself, and whatever must not run meanwhile: docs/restore.md.',
    retry: 'never',
    level: 'error',
  },
  RESTORE_STILL_RUNNING: {
    title: 'The server still runs after the stop hook',
    hint: 'Nothing has changed. Let the hook stop PostgreSQL itself and wait for its end; the facts say where it was seen.',
    retry: 'never',
    level: 'error',
  },
  RESTORE_CLUSTER_UNFIT: {
    title: 'A cluster cannot be recovered there',
    hint: 'The facts say what is in the way. Beside needs a free port and nothing beside of this source yet; in place needs the data directory of this very cluster, on a disk where it can be renamed, without tablespaces.',
    retry: 'never',
    level: 'error',
  },
  RESTORE_FILES_UNFIT: {
    title: 'A tree of files cannot be put in its place',
    hint: 'Nothing has changed. The facts say what is in the way: what is mounted cannot be renamed, and the folder above has to be there and writable for the agent. RECOVER.md beside the backup has the commands to bring it back by hand.',
    retry: 'never',
    level: 'error',
  },
  RESTORE_FILES_UNLIKE: {
    title: 'The files that came out of a backup are not those that were backed up',
    hint: 'Nothing has changed. The facts say what differs. Take another copy with --target, or an older backup with --backup.',
    retry: 'never',
    level: 'error',
  },
  RESTORE_DISK_TROUBLE: {
    title: 'The disk filled up or failed while files were restored',
    hint: 'Nothing has changed, and what was written is removed. Make room beside the tree, or look at the log of the kernel.',
    retry: 'never',
    level: 'error',
  },
  RESTORE_NOTHING_BESIDE: {
    title: 'There is no cluster beside of this source that this could be done to',
    hint: 'The facts say how it stands. `lifeboat restore run SOURCE --beside` makes one; `lifeboat restore release SOURCE --beside` removes one that is of no use any more.',
    retry: 'never',
    level: 'error',
  },
  RESTORE_BACKWARD: {
    title: 'A cluster that was replayed cannot go back',
    hint: 'The facts say where it stands. Release it and recover another one to the earlier point.',
    retry: 'never',
    level: 'error',
  },
  RESTORE_ENDED: {
    title: 'This restore is over, or is past the point where it could be cancelled',
    hint: '`lifeboat restore status` shows how it ended; `lifeboat restore revert` undoes one that is complete.',
    retry: 'never',
    level: 'error',
  },
  RESTORE_UNKNOWN: {
    title: 'No restore of this id was ever accepted',
    hint: '`lifeboat restore status` lists those there are.',
    retry: 'never',
    level: 'error',
  },
} as const satisfies Record<string, CatalogueEntry>
