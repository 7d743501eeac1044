import type { Shape } from './shape.ts'

/** What is safe, what is wrong, what is to come, what happened. */
export function addLooking({ does, program, verb }: Shape): void {
  does(
    verb(program, 'status', 'What is safe and what is not, per source; red where nobody knows.'),
    async () => (await import('../commands/status.ts')).status,
  )

  does(
    verb(program, 'doctor', 'Look at everything the fleet stands on: what is wrong, and what to do next.'),
    async () => (await import('../commands/doctor.ts')).doctor,
  )

  does(
    verb(
      program,
      'schedule',
      'The next runs with their local times; or, played through, what would run and what would be kept.',
    )
      .argument('[name]', 'a policy, a source, a set or a drill (default: all)')
      .option('--limit <n>', 'at most so many runs (default 20)')
      .option('--simulate <time>', 'play the calendar through for so long: 60d'),
    async () => (await import('../commands/schedule.ts')).schedule,
    ['name'],
  )

  does(
    verb(program, 'events', 'What happened, one line a fact; --json prints one object a line.')
      .option('--follow', 'go on until Ctrl-C')
      .option('--since <time>', 'from then on: 2h, 3d or 2026-09-26T02:00:00Z (default 1h)')
      .option('--subject <subjects...>', 'only these: backup, copy.stored, or a whole subject with wildcards'),
    async () => (await import('../commands/events.ts')).events,
  )
}
