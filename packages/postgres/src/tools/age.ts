import { BASE_ENV, type Stage } from './stage.ts'

/** Encrypts to public recipients; whoever holds one identity decrypts. */
export function age(opts: { program: string; recipients: readonly string[] }): Stage {
  return {
    tool: 'age',
    program: opts.program,
    args: opts.recipients.flatMap((recipient) => ['--recipient', recipient]),
    env: BASE_ENV,
    encoding: 'age',
  }
}

/** @param identityFile a file only its owner can read; the identity itself never shows in argv */
export function unage(opts: { program: string; identityFile: string }): Stage {
  return { tool: 'age', program: opts.program, args: ['--decrypt', '--identity', opts.identityFile], env: BASE_ENV }
}
