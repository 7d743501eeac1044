import type { ErrorCode } from '@lifeboat/shared/errors/catalogue.ts'

/** What a script may rely on; `lifeboat --help` and docs/cli.md list exactly these. */
export const EXIT_CODES = {
  ok: { code: 0, meaning: 'it was done, or all is well' },
  internal: { code: 1, meaning: 'something failed that Lifeboat does not know by name' },
  usage: { code: 2, meaning: 'the command line makes no sense' },
  config: { code: 3, meaning: 'the configuration has problems, or a secret is missing' },
  unreachable: { code: 4, meaning: 'NATS, a database or a target cannot be reached or refuses the login' },
  unknown: { code: 5, meaning: 'no source, policy, target, backup, drill or run of this name' },
  attention: {
    code: 6,
    meaning: 'status is not green, or a target holds copies that are unknown, or not locked as configured',
  },
  failed: { code: 7, meaning: 'the backup, drill, check or other work ended badly' },
  inconclusive: { code: 8, meaning: 'a drill could not ask its questions: neither proven nor failed' },
  timeout: { code: 9, meaning: '--timeout passed while waiting; the work itself goes on' },
  lost: { code: 10, meaning: 'WAL is lost: no target and no server has it, and recovery cannot pass' },
  missing: {
    code: 11,
    meaning: 'WAL is missing or damaged at a target that had it, or contradicts itself; other targets may help',
  },
  interrupted: { code: 130, meaning: 'stopped by Ctrl-C; work that was asked for goes on' },
} as const satisfies Record<string, { code: number; meaning: string }>

export type ExitName = keyof typeof EXIT_CODES

/** What was typed cannot be understood. */
const USAGE = new Set<ErrorCode>([
  'CLI_USAGE',
  'CLI_UNCONFIRMED',
  'RECOVERY_TIME_UNZONED',
  'RECOVERY_GOAL_UNREADABLE',
  'RECOVERY_CHOICE_UNCLEAR',
  'TARGET_ADDRESS_UNREADABLE',
])

/** The exit code an error of the catalogue ends the program with. */
export function exitOf(code: ErrorCode): ExitName {
  if (code === 'INTERNAL') return 'internal'
  if (USAGE.has(code)) return 'usage'
  if (code.startsWith('CONFIG_')) return 'config'
  if (code.endsWith('_UNKNOWN') || code === 'RUN_ENDED' || code === 'WAL_NOT_KEPT') return 'unknown'
  if (code.startsWith('BUS_') || /_(UNREACHABLE|REFUSED)$/.test(code)) return 'unreachable'
  return 'failed'
}

/** The list `--help` ends with. */
export function exitCodesHelp(): string {
  const lines = Object.values(EXIT_CODES).map(({ code, meaning }) => `  ${String(code).padStart(3)}  ${meaning}`)
  return ['', 'Exit codes:', ...lines].join('\n')
}
