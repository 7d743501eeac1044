import type { Shape } from './shape.ts'

/** What is kept where, and what is let go. */
export function addKeeping({ does, noun, verb }: Shape): void {
  does(
    verb(
      noun('catalog', 'What is known of all backups; the buckets are the truth behind it.'),
      'rebuild',
      'Fill the catalogue from what one target holds, believing only what is signed.',
    ).argument('<target>', 'a name under `targets`'),
    async () => (await import('../commands/catalog-rebuild.ts')).catalogRebuild,
    ['target'],
  )

  const target = noun('target', 'Places that keep backups.')
  does(
    verb(
      target,
      'list',
      'What is known of each target, and how far one that was added later is filled; asks none of them.',
    ),
    async () => (await import('../commands/target-list.ts')).targetList,
  )
  does(
    verb(target, 'check', 'Put a target through the cases every store must pass.').argument(
      '<name>',
      'a name under `targets`',
    ),
    async () => (await import('../commands/target-check.ts')).targetCheck,
    ['name'],
  )
  does(
    verb(
      target,
      'audit',
      'List what targets hold and compare it with the catalogue: missing and damaged end with 7, unknown and not locked with 6.',
    )
      .argument('[name]', 'a name under `targets` (default: all)')
      .option('--all', 'also read every byte of every copy and of all WAL and compare its digests'),
    async () => (await import('../commands/target-audit.ts')).targetAudit,
    ['name'],
  )

  does(
    verb(
      target,
      'lifecycle',
      'Print the rules by which the store itself moves parts by age, for the tool of its cloud; with --json the document alone. Asks nobody.',
    ).argument('<name>', 'a name under `targets`'),
    async () => (await import('../commands/target-lifecycle.ts')).targetLifecycle,
    ['name'],
  )

  const expiry = noun('expiry', 'Letting backups go by the rules of their policies.')
  does(
    verb(expiry, 'plan', 'Say what would go and what stays, each with its reasons; changes nothing.').option(
      '--source <name>',
      'only of this source',
    ),
    async () => (await import('../commands/expiry-plan.ts')).expiryPlan,
  )
  does(
    verb(expiry, 'apply', 'Let go exactly what a plan showed; it stays hidden for a while before it is removed.')
      .requiredOption('--plan <digest>', 'the digest `lifeboat expiry plan` printed')
      .option('--source <name>', 'only of this source, as the plan was')
      .option('--even-so', 'also if fewer would stay than `expiry.maxShare` allows'),
    async () => (await import('../commands/expiry-apply.ts')).expiryApply,
  )
  does(
    verb(expiry, 'undo', 'Bring back a backup that was let go, as long as its bytes are there, and hold it.').argument(
      '<backup>',
      'the whole backup id',
    ),
    async () => (await import('../commands/expiry-undo.ts')).expiryUndo,
    ['backup'],
  )

  const hold = noun('hold', 'Explicit stops on letting go.')
  does(
    verb(hold, 'add', 'Let nothing of a backup, or of a whole source, go until this is released.')
      .argument('<backup|source>', 'the whole backup id, or a name under `sources`')
      .requiredOption('--why <reason>', 'for whoever wonders later'),
    async () => (await import('../commands/hold-add.ts')).holdAdd,
    ['name'],
  )
  does(
    verb(hold, 'release', 'End a hold.')
      .argument('<hold>', 'the whole hold id')
      .requiredOption('--why <reason>', 'for whoever wonders later'),
    async () => (await import('../commands/hold-release.ts')).holdRelease,
    ['hold'],
  )
  does(
    verb(hold, 'list', 'What is held, by whom and why.').option('--all', 'released ones as well'),
    async () => (await import('../commands/hold-list.ts')).holdList,
  )
}
