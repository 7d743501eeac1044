import type { Shape } from './shape.ts'

/** Keys that encrypt and sign: made, kept, changed and looked after. */
export function addKeys({ does, noun, verb }: Shape): void {
  const key = noun('key', 'Keys for encryption and signing.')
  does(
    verb(key, 'new', 'Make an age identity and signing keys; print the lines for lifeboat.yaml.')
      .option('--out <dir>', 'where the private halves go (default ./lifeboat-keys)')
      .option('--signer <names...>', 'who will sign: the names of agents and of the verifier (default agent verifier)'),
    async () => (await import('../commands/key-new.ts')).keyNew,
  )

  does(
    verb(
      key,
      'check',
      'Say of every kept backup, and of WAL, which declared identity opens it; the exit code tells if one is lost.',
    ).option('--without <names...>', 'as if these identities were gone: may they be destroyed?'),
    async () => (await import('../commands/key-check.ts')).keyCheck,
  )

  does(
    verb(
      key,
      'prove',
      'Open the beginnings of kept backups and of WAL with one identity alone, as in an emergency; the exit code tells.',
    )
      .option('--from <target>', 'the address of a target, or a name under `targets`')
      .option('--identity <file>', 'the age identity to try, e.g. the one from the escrow; its passphrase is asked for')
      .option('--source <name>', 'only of this source')
      .option('--signer <name=key...>', 'public signing keys (default: `signers` where a configuration is read)')
      .option(
        '--all',
        'every backup and every object of WAL; default the oldest and newest of each kind and set of keys',
      ),
    async () => (await import('../commands/key-prove.ts')).keyProve,
  )

  does(
    verb(
      key,
      'escrow',
      'Make an identity to be kept away from every machine, sealed with a passphrase; print the lines for lifeboat.yaml.',
    )
      .argument('<name>', 'what it will be called under `encryption.identities`')
      .option('--out <dir>', 'where it goes at first (default ./lifeboat-keys)'),
    async () => (await import('../commands/key-escrow.ts')).keyEscrow,
    ['name'],
  )

  does(
    verb(
      key,
      'rotate',
      'Make the identity that takes the place of another from now on; older backups stay readable with the old one.',
    )
      .argument('<old>', 'the identity to be retired, as it is called under `encryption.identities`')
      .argument('<name>', 'what the new one will be called')
      .option('--identity <file>', 'the old identity: the new file then opens older backups as well')
      .option('--out <dir>', 'where the new one goes (default ./lifeboat-keys)'),
    async () => (await import('../commands/key-rotate.ts')).keyRotate,
    ['old', 'name'],
  )
}
