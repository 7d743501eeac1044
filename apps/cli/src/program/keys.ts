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
}
