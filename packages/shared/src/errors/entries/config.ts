import type { CatalogueEntry } from './entry.ts'

/** What stands in lifeboat.yaml, on the command line and in secrets. */
export const CONFIG_ERRORS = {
  CONFIG_INVALID: {
    title: 'The configuration has problems',
    hint: 'Run `lifeboat config check`: it lists every problem with its line.',
    retry: 'never',
    level: 'error',
  },
  CONFIG_UNREADABLE: {
    title: 'The configuration file cannot be read',
    hint: 'Give the path by --config or LIFEBOAT_CONFIG and look at the permissions of the file.',
    retry: 'never',
    level: 'error',
  },
  CONFIG_SECRET_MISSING: {
    title: 'A secret is not where it was said to be',
    hint: 'The facts name the variable or the file: set it, create it, or correct its name where it was given, in lifeboat.yaml or on the command line.',
    retry: 'never',
    level: 'error',
  },
  CONFIG_SECRET_EXPOSED: {
    title: 'Others than its owner may read this key',
    hint: 'Run `chmod 0600 FILE`, or where that cannot be, as on a memory stick, `install -m 0600 FILE /root/identity` and use that one.',
    retry: 'never',
    level: 'error',
  },

  CLI_USAGE: {
    title: 'The command cannot be understood as it stands',
    hint: 'Look at the command with --help.',
    retry: 'never',
    level: 'error',
  },
  CLI_UNCONFIRMED: {
    title: 'Another name was typed than that of what this is about, or none',
    hint: 'Nothing was done. Read the plan again, then type the name the facts show; in scripts and with --json give it beforehand, with --yes-i-mean or, of `lifeboat recover`, with --confirm.',
    retry: 'never',
    level: 'error',
  },
} as const satisfies Record<string, CatalogueEntry>
